#include "common/cuda/blas/blas_status.h"

#include <cuda_runtime_api.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda {
namespace {

// What CUDA says of the device, if that is what the library could not say: it calls CUDA, and tells
// no more than that a call failed.
absl::Status DeviceStatus() {
  const absl::Status last = ToStatus(cudaGetLastError(), "cudaGetLastError");
  if (!last.ok()) return last;
  return FreeDeviceMemoryBytes().status();  // fails where the device is lost
}

}  // namespace

absl::Status ToStatus(cublasStatus_t error, absl::string_view call) {
  if (error == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  const absl::Status device = DeviceStatus();
  if (IsDeviceLost(device)) return device;
  const std::string text =
      absl::StrCat(call, ": ", cublasLtGetStatusString(error), " (", cublasLtGetStatusName(error),
                   ")", device.ok() ? "" : "; ", device.message());
  if (error == CUBLAS_STATUS_ALLOC_FAILED || absl::IsResourceExhausted(device)) {
    return absl::ResourceExhaustedError(text);
  }
  if (error == CUBLAS_STATUS_NOT_INITIALIZED || error == CUBLAS_STATUS_ARCH_MISMATCH) {
    return absl::FailedPreconditionError(text);
  }
  return absl::InternalError(text);
}

}  // namespace chimera::cuda
