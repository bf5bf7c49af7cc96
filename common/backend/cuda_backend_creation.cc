#include "common/backend/cuda_backend_creation.h"

#include "common/cuda/backend/cuda_backend.h"

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

}  // namespace chimera
