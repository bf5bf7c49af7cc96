// CUDA's errors as absl::Status.

#ifndef CHIMERA_COMMON_CUDA_CUDA_STATUS_H_
#define CHIMERA_COMMON_CUDA_CUDA_STATUS_H_

#include <cuda_runtime_api.h>

#include <string_view>

#include "absl/status/status.h"

namespace chimera {

// OK, or what failed with the name and text of the error: ResourceExhausted for lack of memory,
// InvalidArgument for a configuration or value that was refused, Internal for all else. `what` is
// the call, for people.
absl::Status CudaStatus(cudaError_t error, std::string_view what);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_CUDA_STATUS_H_
