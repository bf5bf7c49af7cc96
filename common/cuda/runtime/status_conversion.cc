#include "common/cuda/runtime/status_conversion.h"

#include <cuda_runtime_api.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/cuda/runtime/device_error.h"

namespace chimera::cuda {
namespace {

// No driver, or one that is older than this library.
absl::Status DriverError() {
  int version = 0;  // stays so without a driver
  if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0) return NoDriverError();
  return OldDriverError(version, CUDART_VERSION);
}

// Errors after which every call for the device fails until the process ends.
bool LosesDevice(cudaError_t error) {
  switch (error) {
    case cudaErrorPriorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::Status ToStatus(cudaError_t error, absl::string_view call) {
  if (error == cudaSuccess) return absl::OkStatus();
  static_cast<void>(cudaGetLastError());  // returns what is known already, and forgets it
  if (error == cudaErrorInsufficientDriver) return DriverError();
  if (error == cudaErrorNoDevice) return NoDeviceError();
  const std::string text =
      absl::StrCat(call, ": ", cudaGetErrorString(error), " (", cudaGetErrorName(error), ")");
  if (error == cudaErrorMemoryAllocation) return absl::ResourceExhaustedError(text);
  if (error == cudaErrorInvalidDevice) return absl::InvalidArgumentError(text);
  return LosesDevice(error) ? DeviceLostError(text) : absl::InternalError(text);
}

void LogIfError(cudaError_t error, absl::string_view call) {
  if (error == cudaErrorCudartUnloading) return;
  const absl::Status status = ToStatus(error, call);
  if (status.ok() || IsDeviceLost(status)) return;
  LogError("CUDA resource not released error=\"{}\"", std::string(status.message()));
}

}  // namespace chimera::cuda
