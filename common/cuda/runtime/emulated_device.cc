#include "common/cuda/runtime/emulated_device.h"

#include <utility>

#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/emulated_machine.h"

namespace chimera::cuda {

EmulatedDevice DefaultEmulatedDevice() {
  EmulatedDevice device;
  device.name = "emulated device";
  device.compute_capability_major = 8;
  device.compute_capability_minor = 0;
  device.multiprocessor_count = 4;
  device.total_memory_bytes = size_t{1} << 30;
  device.shared_memory_per_block_bytes = kMaxSharedBytes;  // as an A100
  device.shared_memory_per_multiprocessor_bytes = size_t{164} << 10;
  device.l2_cache_bytes = size_t{4} << 20;
  return device;
}

ScopedEmulatedComputer::ScopedEmulatedComputer(EmulatedComputer computer) {
  LockedMachine()->Reset(std::move(computer));
  ThisThread() = {};
}

ScopedEmulatedComputer::~ScopedEmulatedComputer() {
  LockedMachine()->Reset({});
  ThisThread() = {};
}

void ScopedEmulatedComputer::FailCall(int number, EmulatedFault fault) {
  LockedMachine()->call_faults().Start(number, fault);
}

void ScopedEmulatedComputer::FailOperation(int number) {
  LockedMachine()->operation_faults().Start(number, EmulatedFault::kDeviceLost);
}

bool ScopedEmulatedComputer::FaultsHaveHappened() const {
  const LockedMachine machine;
  return !machine->call_faults().is_running() && !machine->operation_faults().is_running();
}

}  // namespace chimera::cuda
