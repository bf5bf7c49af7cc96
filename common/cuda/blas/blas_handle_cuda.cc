#include <cublasLt.h>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/blas_status.h"
#include "common/cuda/blas/cublas_handle.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"

namespace chimera::cuda {
namespace {

void Destroy(BlasHandle::Impl* impl) {
  const absl::Status status = ToStatus(cublasLtDestroy(impl->handle), "cublasLtDestroy");
  if (!status.ok() && !IsDeviceLost(status)) {
    LogError("CUDA resource not released error=\"{}\"", std::string(status.message()));
  }
  delete impl;
}

}  // namespace

absl::StatusOr<BlasHandle> BlasHandle::Create() {
  // Without a device the library says less.
  CHIMERA_RETURN_IF_ERROR(DeviceCount().status());
  cublasLtHandle_t handle = nullptr;
  CHIMERA_RETURN_IF_ERROR(ToStatus(cublasLtCreate(&handle), "cublasLtCreate"));
  return BlasHandle(ImplPointer(new Impl{handle}, &Destroy));
}

std::string BlasHandle::description() const {
  return absl::StrCat("cuBLASLt ", cublasLtGetVersion());
}

}  // namespace chimera::cuda
