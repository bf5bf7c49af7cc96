// The errors of the CUDA runtime, of one form from both of its implementations.
//
//   FAILED_PRECONDITION  no driver, no device, a driver that is too old, a device that kernels do
//                        not run on
//   INVALID_ARGUMENT     a device number that does not exist
//   RESOURCE_EXHAUSTED   out of memory; nothing else is affected, and it may succeed later
//   UNAVAILABLE          the device is lost (IsDeviceLost)
//   INTERNAL             anything else that CUDA refuses: a mistake of ours
//
// Work that was given to a stream fails later than the call that gave it. Such an error loses the
// device, and shows in the first call for the device that comes after it, whichever that is.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_ERROR_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_ERROR_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/cuda/runtime/device.h"

namespace chimera::cuda {

// Whether `status` says that a device can be used no more by this process: an illegal address, a
// hardware fault, a device taken away. Every later call for the device fails in the same way, and
// what its memory holds is gone; only a new process may find it well. A payload tells such a status
// from the UNAVAILABLE of others, and is kept when the status is copied.
bool IsDeviceLost(const absl::Status& status);

// What follows makes the errors, for the implementations.

// UNAVAILABLE, a status for which IsDeviceLost holds.
absl::Status DeviceLostError(absl::string_view reason);

// FAILED_PRECONDITION.
absl::Status NoDriverError();
absl::Status NoDeviceError();
// Versions as CUDA counts them: 1000 * major + 10 * minor.
absl::Status OldDriverError(int driver_version, int needed_version);

// RESOURCE_EXHAUSTED, naming the bytes asked for and those free.
absl::Status OutOfDeviceMemoryError(size_t bytes, size_t free_bytes);
absl::Status OutOfPinnedMemoryError(size_t bytes);

// INVALID_ARGUMENT, naming `index` and `count`, unless 0 <= index < count.
absl::Status CheckDeviceNumber(int index, int count);

// FAILED_PRECONDITION, naming the device, if kernels are not compiled for its compute capability, or
// may ask for more shared memory than a block of it can have.
absl::Status CheckRunsKernels(int index, const DeviceInfo& device);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_ERROR_H_
