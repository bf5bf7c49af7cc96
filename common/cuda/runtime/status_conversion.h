// From CUDA's error codes to the errors of device_error.h: the one place that knows them.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_STATUS_CONVERSION_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_STATUS_CONVERSION_H_

#include <cuda_runtime_api.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace chimera::cuda {

// The status of `call`, the name of the function of CUDA that returned `error`. An error is also
// taken from where CUDA remembers it, so that it is not found again by the next launch.
absl::Status ToStatus(cudaError_t error, absl::string_view call);

// For destructors: logs an error, unless the device is lost, which others have been told, or the
// process is ending.
void LogIfError(cudaError_t error, absl::string_view call);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_STATUS_CONVERSION_H_
