// From the library's error codes to the errors of device_error.h.

#ifndef CHIMERA_COMMON_CUDA_BLAS_BLAS_STATUS_H_
#define CHIMERA_COMMON_CUDA_BLAS_BLAS_STATUS_H_

#include <cublasLt.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace chimera::cuda {

// The status of `call`, the name of the function of cuBLASLt that returned `error`. Where the
// device is lost, or out of memory, it says so; FAILED_PRECONDITION for a device or driver that the
// library does not support.
absl::Status ToStatus(cublasStatus_t error, absl::string_view call);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_BLAS_STATUS_H_
