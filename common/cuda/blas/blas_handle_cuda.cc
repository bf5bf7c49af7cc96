#include <cublasLt.h>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/blas_status.h"
#include "common/cuda/blas/cublas_handle.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"

namespace chimera::cuda {

absl::StatusOr<BlasHandle> BlasHandle::Create() {
  // Without a device the library says less.
  CHIMERA_RETURN_IF_ERROR(DeviceCount().status());
  cublasLtHandle_t handle = nullptr;
  CHIMERA_RETURN_IF_ERROR(ToStatus(cublasLtCreate(&handle), "cublasLtCreate"));
  return BlasHandle(std::unique_ptr<Impl, Destroy>(new Impl{handle}));
}

void BlasHandle::Destroy::operator()(Impl* impl) const {
  const absl::Status status = ToStatus(cublasLtDestroy(impl->handle), "cublasLtDestroy");
  if (!status.ok() && !IsDeviceLost(status)) {
    LogError("CUDA resource not released error=\"{}\"", std::string(status.message()));
  }
  delete impl;
}

std::string BlasHandle::description() const {
  return absl::StrCat("cuBLASLt ", cublasLtGetVersion());
}

}  // namespace chimera::cuda
