#include <chrono>
#include <memory>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/emulated_objects.h"
#include "common/cuda/runtime/emulated_stream.h"

namespace chimera::cuda {
namespace {

void Destroy(Stream::Impl* impl) {
  const std::unique_ptr<Stream::Impl> owner(impl);
  CheckNotCapturing("a stream is destroyed");
  const LockedMachine machine;
  // An error loses the device, which later calls tell.
  machine->RunAll(*impl).IgnoreError();
  machine->RemoveStream(impl);
}

}  // namespace

absl::StatusOr<Stream> Stream::Create() {
  const LockedMachine machine;
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(ThisThread().device));
  ImplPointer impl(new Impl{ThisThread().device}, &Destroy);
  machine->AddStream(&*impl);
  return Stream(std::move(impl));
}

absl::Status Stream::Synchronize() {
  const LockedMachine machine;
  CheckNotCapturing("a stream is waited for");
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(impl().device));
  return machine->RunAll(impl());
}

absl::Status Stream::RecordEvent(Event& event) {
  const LockedMachine machine;
  CheckNotCapturing("an event is recorded");
  CHIMERA_CHECK(event.impl().device == impl().device) << "an event of another device is recorded";
  const auto moment = std::make_shared<Moment>(Moment{&impl(), impl().device});
  CHIMERA_RETURN_IF_ERROR(machine->Enqueue(impl(), [moment] {
    moment->is_reached = true;
    moment->time = std::chrono::steady_clock::now();
    return absl::OkStatus();
  }));
  event.impl().moment = moment;
  return absl::OkStatus();
}

absl::Status Stream::WaitEvent(const Event& event) {
  const LockedMachine machine;
  CheckNotCapturing("a stream is made to wait for an event");
  if (event.impl().moment == nullptr) return machine->BeginCall(impl().device);
  return machine->Enqueue(impl(), [&machine = *machine, moment = event.impl().moment] {
    return machine.RunUntil(*moment);
  });
}

absl::Status EnqueueEmulatedKernel(Stream& stream,
                                   std::function<absl::Status(emulation::Emulator&)> run) {
  const LockedMachine machine;
  emulation::Emulator& emulator = machine->emulator(stream.impl().device);
  return machine->Enqueue(stream.impl(),
                          [&emulator, run = std::move(run)] { return run(emulator); });
}

}  // namespace chimera::cuda
