// The CUDA devices of this machine.
//
// The headers of this folder name no type of CUDA. Two libraries implement them, of which a program
// links one: common_cuda_runtime, on a GPU, and common_cuda_runtime_emulated, in host memory, which
// punishes the mistakes that a GPU would (emulated_device.h).

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chimera::cuda {

struct DeviceInfo {
  std::string name;
  int compute_capability_major = 0;
  int compute_capability_minor = 0;
  int multiprocessor_count = 0;
  size_t total_memory_bytes = 0;
  // Shared memory: the most one block may ask for, and what the blocks of a multiprocessor share.
  size_t shared_memory_per_block_bytes = 0;
  size_t shared_memory_per_multiprocessor_bytes = 0;
  size_t l2_cache_bytes = 0;
};

// Devices that this process may use, at least one; they are numbered from 0. Errors:
// FAILED_PRECONDITION for no driver, one that is too old, or no device. Any thread.
absl::StatusOr<int> DeviceCount();

// Describes a device, without taking it into use. Errors: as DeviceCount; INVALID_ARGUMENT for a
// wrong number. Any thread.
absl::StatusOr<DeviceInfo> GetDeviceInfo(int index);

// Makes a device that of the calling thread; it is device 0 before. What a thread makes (memory,
// streams, events, graphs) is on its device, and a thread gives work only to streams of its device.
// Takes the device into use, which takes some of its memory and, for the first in the process, up
// to a second; selecting it again costs nothing. Errors: as GetDeviceInfo; FAILED_PRECONDITION for
// a device that our kernels do not run on: they are compiled for some compute capabilities, and need
// more shared memory than a block has with 8.6 and 8.9. After an error the thread's device is the
// one it was.
absl::Status SelectDevice(int index);

// Memory of the calling thread's device that nobody has now; other processes take from it, too.
// Errors: device_error.h.
absl::StatusOr<size_t> FreeDeviceMemoryBytes();

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_H_
