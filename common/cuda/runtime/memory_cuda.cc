#include <cuda_runtime_api.h>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda {

absl::StatusOr<DeviceMemory> DeviceMemory::Allocate(size_t bytes) {
  if (bytes == 0) return DeviceMemory();
  void* data = nullptr;
  const absl::Status allocated = ToStatus(cudaMalloc(&data, bytes), "cudaMalloc");
  if (absl::IsResourceExhausted(allocated)) {
    CHIMERA_ASSIGN_OR_RETURN(const size_t free, FreeDeviceMemoryBytes());
    return OutOfDeviceMemoryError(bytes, free);
  }
  CHIMERA_RETURN_IF_ERROR(allocated);
  return DeviceMemory(data, bytes);
}

void DeviceMemory::Free::operator()(void* data) const { LogIfError(cudaFree(data), "cudaFree"); }

absl::StatusOr<PinnedMemory> PinnedMemory::Allocate(size_t bytes) {
  if (bytes == 0) return PinnedMemory();
  void* data = nullptr;
  const absl::Status allocated =
      ToStatus(cudaHostAlloc(&data, bytes, cudaHostAllocDefault), "cudaHostAlloc");
  if (absl::IsResourceExhausted(allocated)) return OutOfPinnedMemoryError(bytes);
  CHIMERA_RETURN_IF_ERROR(allocated);
  return PinnedMemory(data, bytes);
}

void PinnedMemory::Free::operator()(void* data) const {
  LogIfError(cudaFreeHost(data), "cudaFreeHost");
}

}  // namespace chimera::cuda
