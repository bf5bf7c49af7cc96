// What runs on CUDA devices, in builds that have them.

#ifndef CHIMERA_COMMON_BACKEND_CUDA_BACKEND_CREATION_H_
#define CHIMERA_COMMON_BACKEND_CUDA_BACKEND_CREATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/backend_factory.h"
#include "common/backend/draft_network.h"
#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"

namespace chimera {

// The build decides which of two definitions there is of these: with CHIMERA_CUDA those of
// cuda_backend_creation.cc, else those of no_cuda_backend.cc, which return UNIMPLEMENTED.

// On device number `device`; errors as CreateBackend.
absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(const LlamaModel& model,
                                                           const BackendOptions& options,
                                                           int device);

// On device number `device`, for `max_contexts` sequences at a time; `threads` convert the weights.
// Errors as CudaDraftNetwork::Create (common/cuda/draft_network/cuda_draft_network.h).
absl::StatusOr<std::unique_ptr<DraftNetwork>> CreateCudaDraftNetwork(const DraftNetworkModel& model,
                                                                     int device,
                                                                     int32_t max_contexts,
                                                                     ThreadPool* threads);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_CUDA_BACKEND_CREATION_H_
