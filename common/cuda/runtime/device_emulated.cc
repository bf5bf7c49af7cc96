#include "absl/status/statusor.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_machine.h"

namespace chimera::cuda {

absl::StatusOr<int> DeviceCount() { return LockedMachine()->DeviceCount(); }

absl::StatusOr<DeviceInfo> GetDeviceInfo(int index) {
  const LockedMachine machine;
  CHIMERA_ASSIGN_OR_RETURN(const int count, machine->DeviceCount());
  CHIMERA_RETURN_IF_ERROR(CheckDeviceNumber(index, count));
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(index));
  return machine->computer().devices[index];
}

absl::Status SelectDevice(int index) {
  CHIMERA_ASSIGN_OR_RETURN(const DeviceInfo info, GetDeviceInfo(index));
  CHIMERA_RETURN_IF_ERROR(CheckRunsKernels(index, info));
  ThisThread().device = index;
  return absl::OkStatus();
}

absl::StatusOr<size_t> FreeDeviceMemoryBytes() {
  const LockedMachine machine;
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(ThisThread().device));
  return machine->FreeBytes(ThisThread().device);
}

}  // namespace chimera::cuda
