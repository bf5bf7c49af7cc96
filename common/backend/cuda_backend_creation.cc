#include "common/backend/cuda_backend_creation.h"

#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/draft_network/cuda_draft_network.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(const LlamaModel& model,
                                                           const BackendOptions& options,
                                                           int device) {
  return CudaBackend::Create(model.config(), model.weights(),
                             {.device = device,
                              .numerics = options.numerics,
                              .threads = options.threads,
                              .limits = options.limits,
                              .most_pages = options.most_pages});
}

absl::StatusOr<std::unique_ptr<DraftNetwork>> CreateCudaDraftNetwork(const DraftNetworkModel& model,
                                                                     int device,
                                                                     int32_t max_contexts,
                                                                     ThreadPool* threads) {
  return CudaDraftNetwork::Create(
      model, {.device = device, .max_contexts = max_contexts, .threads = threads});
}

}  // namespace chimera
