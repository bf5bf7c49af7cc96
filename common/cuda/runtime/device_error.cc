#include "common/cuda/runtime/device_error.h"

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/cuda/launch_shape.h"

namespace chimera::cuda {
namespace {

constexpr absl::string_view kDeviceLostPayload = "chimera.cuda.DeviceLost";

// Compute capabilities, as 10 * major + minor, for which kernels are compiled.
constexpr int kArchitectures[] = {CHIMERA_CUDA_ARCHITECTURES};

std::string VersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

std::string ComputeCapabilityText(int major, int minor) { return absl::StrCat(major, ".", minor); }

// Machine code runs on devices of the same major number whose minor number is not smaller.
bool HasCodeFor(const DeviceInfo& device) {
  return std::ranges::any_of(kArchitectures, [&](int architecture) {
    return architecture / 10 == device.compute_capability_major &&
           architecture % 10 <= device.compute_capability_minor;
  });
}

std::string ArchitecturesText() {
  return absl::StrJoin(kArchitectures, ", ", [](std::string* text, int architecture) {
    absl::StrAppend(text, ComputeCapabilityText(architecture / 10, architecture % 10));
  });
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

absl::Status CheckRunsKernels(int index, const DeviceInfo& device) {
  const std::string name = absl::StrCat("CUDA device ", index, " (", device.name, ")");
  if (!HasCodeFor(device)) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, " has compute capability ",
        ComputeCapabilityText(device.compute_capability_major, device.compute_capability_minor),
        ", this build has kernels for ", ArchitecturesText(),
        " and later ones of the same major number"));
  }
  if (device.shared_memory_per_block_bytes < kMaxSharedBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, " has ", device.shared_memory_per_block_bytes >> 10,
        " KiB of shared memory for a block, ", kMaxSharedBytes >> 10, " KiB are needed"));
  }
  return absl::OkStatus();
}

}  // namespace chimera::cuda
