#include <cstring>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/emulated_objects.h"

namespace chimera::cuda::internal {
namespace {

void CheckCopy(const EmulatedMemory& memory, const ByteCopy& copy, int device) {
  const bool from_host = copy.direction == CopyDirection::kToDevice;
  const bool to_host = copy.direction == CopyDirection::kToHost;
  memory.CheckAllocated(copy.source, copy.bytes, from_host ? kPinnedMemory : device);
  memory.CheckAllocated(copy.destination, copy.bytes, to_host ? kPinnedMemory : device);
}

}  // namespace

// Memory is checked when the work is given, to name the culprit, and when it runs, since it may have
// been freed meanwhile.

absl::Status CopyBytes(const ByteCopy& copy, Stream& stream) {
  const LockedMachine machine;
  Stream::Impl& impl = stream.impl();
  const EmulatedMemory& memory = machine->memory();
  CheckCopy(memory, copy, impl.device);
  return machine->Enqueue(impl, [&memory, copy, device = impl.device] {
    CheckCopy(memory, copy, device);
    std::memcpy(copy.destination, copy.source, copy.bytes);
    return absl::OkStatus();
  });
}

absl::Status FillBytes(void* destination, std::byte value, size_t bytes, Stream& stream) {
  const LockedMachine machine;
  Stream::Impl& impl = stream.impl();
  const EmulatedMemory& memory = machine->memory();
  memory.CheckAllocated(destination, bytes, impl.device);
  return machine->Enqueue(impl, [&memory, destination, value, bytes, device = impl.device] {
    memory.CheckAllocated(destination, bytes, device);
    std::memset(destination, std::to_integer<int>(value), bytes);
    return absl::OkStatus();
  });
}

}  // namespace chimera::cuda::internal
