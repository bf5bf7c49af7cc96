// Backends on CUDA devices, in builds that have them.

#ifndef CHIMERA_COMMON_BACKEND_CUDA_BACKEND_CREATION_H_
#define CHIMERA_COMMON_BACKEND_CUDA_BACKEND_CREATION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/backend_factory.h"
#include "common/model/llama_model.h"

namespace chimera {

// On device number `device`; errors as CreateBackend. The build decides which of two definitions
// there is: with CHIMERA_CUDA that of cuda_backend_creation.cc, else that of no_cuda_backend.cc,
// which returns UNIMPLEMENTED.
absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(const LlamaModel& model,
                                                           const BackendOptions& options,
                                                           int device);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_CUDA_BACKEND_CREATION_H_
