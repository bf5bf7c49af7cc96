#include "common/cuda/runtime/device_error.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace chimera::cuda {
namespace {

constexpr absl::string_view kDeviceLostPayload = "chimera.cuda.DeviceLost";

// The oldest for which kernels are compiled.
constexpr int kNeededComputeCapabilityMajor = 8;

std::string VersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

}  // namespace

bool IsDeviceLost(const absl::Status& status) {
  return status.GetPayload(kDeviceLostPayload).has_value();
}

absl::Status DeviceLostError(absl::string_view reason) {
  absl::Status status = absl::UnavailableError(absl::StrCat("CUDA device lost: ", reason));
  status.SetPayload(kDeviceLostPayload, absl::Cord());
  return status;
}

absl::Status NoDriverError() {
  return absl::FailedPreconditionError("no CUDA driver is installed (libcuda.so.1)");
}

absl::Status NoDeviceError() {
  return absl::FailedPreconditionError("no CUDA device: the driver finds none that it may use");
}

absl::Status OldDriverError(int driver_version, int needed_version) {
  return absl::FailedPreconditionError(absl::StrCat("the CUDA driver supports CUDA ",
                                                    VersionText(driver_version), ", ",
                                                    VersionText(needed_version), " is needed"));
}

absl::Status OutOfDeviceMemoryError(size_t bytes, size_t free_bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("out of CUDA device memory: ", bytes,
                                                   " bytes asked for, ", free_bytes, " free"));
}

absl::Status OutOfPinnedMemoryError(size_t bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("out of pinned host memory: ", bytes, " bytes asked for"));
}

absl::Status CheckDeviceNumber(int index, int count) {
  if (index >= 0 && index < count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("CUDA device number ", index, ", must be in [0, ",
                                                 count, "): there ", count == 1 ? "is " : "are ",
                                                 count));
}

absl::Status CheckComputeCapability(int index, const DeviceInfo& device) {
  if (device.compute_capability_major >= kNeededComputeCapabilityMajor) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("CUDA device ", index, " (", device.name, ") has compute capability ",
                   device.compute_capability_major, ".", device.compute_capability_minor, ", ",
                   kNeededComputeCapabilityMajor, ".0 or newer is needed"));
}

}  // namespace chimera::cuda
