#include <cuda_runtime_api.h>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda {
absl::StatusOr<int> DeviceCount() {
  int count = 0;
  CHIMERA_RETURN_IF_ERROR(ToStatus(cudaGetDeviceCount(&count), "cudaGetDeviceCount"));
  if (count == 0) return NoDeviceError();
  return count;
}

absl::StatusOr<DeviceInfo> GetDeviceInfo(int index) {
  CHIMERA_ASSIGN_OR_RETURN(const int count, DeviceCount());
  CHIMERA_RETURN_IF_ERROR(CheckDeviceNumber(index, count));
  cudaDeviceProp properties;
  CHIMERA_RETURN_IF_ERROR(
      ToStatus(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties"));
  return DeviceInfo{.name = properties.name,
                    .compute_capability_major = properties.major,
                    .compute_capability_minor = properties.minor,
                    .multiprocessor_count = properties.multiProcessorCount,
                    .total_memory_bytes = properties.totalGlobalMem,
                    .shared_memory_per_block_bytes = properties.sharedMemPerBlockOptin,
                    .shared_memory_per_multiprocessor_bytes = properties.sharedMemPerMultiprocessor,
                    .l2_cache_bytes = static_cast<size_t>(properties.l2CacheSize)};
}

absl::Status SelectDevice(int index) {
  // Describing a device takes milliseconds, and whoever steps selects anew before each step.
  thread_local int selected = -1;
  if (selected == index) return absl::OkStatus();
  CHIMERA_ASSIGN_OR_RETURN(const DeviceInfo info, GetDeviceInfo(index));
  CHIMERA_RETURN_IF_ERROR(CheckRunsKernels(index, info));
  CHIMERA_RETURN_IF_ERROR(ToStatus(cudaSetDevice(index), "cudaSetDevice"));
  selected = index;
  return absl::OkStatus();
}

absl::StatusOr<size_t> FreeDeviceMemoryBytes() {
  size_t free = 0;
  size_t total = 0;
  CHIMERA_RETURN_IF_ERROR(ToStatus(cudaMemGetInfo(&free, &total), "cudaMemGetInfo"));
  return free;
}

}  // namespace chimera::cuda
