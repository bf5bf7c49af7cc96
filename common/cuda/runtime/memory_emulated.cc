#include "common/base/status_macros.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_machine.h"
#include "common/cuda/runtime/pinned_memory.h"

namespace chimera::cuda {
namespace {

void FreeBlock(void* data) {
  CheckNotCapturing("memory is freed");
  LockedMachine()->memory().Free(data);
}

}  // namespace

absl::StatusOr<DeviceMemory> DeviceMemory::Allocate(size_t bytes) {
  CheckNotCapturing("memory is allocated");
  if (bytes == 0) return DeviceMemory();
  CHIMERA_ASSIGN_OR_RETURN(void* const data,
                           LockedMachine()->AllocateOnDevice(ThisThread().device, bytes));
  return DeviceMemory(data, bytes);
}

void DeviceMemory::Free::operator()(void* data) const { FreeBlock(data); }

absl::StatusOr<PinnedMemory> PinnedMemory::Allocate(size_t bytes) {
  CheckNotCapturing("memory is allocated");
  if (bytes == 0) return PinnedMemory();
  CHIMERA_ASSIGN_OR_RETURN(void* const data, LockedMachine()->AllocatePinned(bytes));
  return PinnedMemory(data, bytes);
}

void PinnedMemory::Free::operator()(void* data) const { FreeBlock(data); }

}  // namespace chimera::cuda
