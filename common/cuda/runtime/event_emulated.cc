#include <chrono>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/emulated_objects.h"

namespace chimera::cuda {
namespace {

void Destroy(Event::Impl* impl) {
  LockedMachine()->CountObjects(-1);
  delete impl;
}

}  // namespace

absl::StatusOr<Event> Event::Create(EventTiming timing) {
  const LockedMachine machine;
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(ThisThread().device));
  machine->CountObjects(1);
  return Event(ImplPointer(new Impl{ThisThread().device, timing}, &Destroy));
}

absl::Status Event::Synchronize() const {
  CheckNotCapturing("an event is waited for");
  const LockedMachine machine;
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(impl().device));
  if (impl().moment == nullptr) return absl::OkStatus();
  return machine->RunUntil(*impl().moment);
}

absl::StatusOr<bool> Event::IsDone() const {
  const LockedMachine machine;
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(impl().device));
  const Moment* const moment = impl().moment.get();
  if (moment == nullptr || moment->is_reached) return true;
  // Who asks in a loop must see it come.
  CHIMERA_RETURN_IF_ERROR(machine->RunNext(*moment->stream));
  return false;
}

absl::StatusOr<float> ElapsedMilliseconds(const Event& start, const Event& end) {
  const LockedMachine machine;
  for (const Event* const event : {&start, &end}) {
    const Event::Impl& impl = event->impl();
    CHIMERA_CHECK(impl.timing == EventTiming::kOn) << "an event without timing";
    CHIMERA_CHECK(impl.moment != nullptr) << "an event that was not recorded";
  }
  CHIMERA_CHECK(start.impl().device == end.impl().device) << "events of two devices";
  CHIMERA_RETURN_IF_ERROR(machine->BeginCall(start.impl().device));
  for (const Event* const event : {&start, &end}) {
    CHIMERA_CHECK(event->impl().moment->is_reached) << "an event that is not done";
  }
  return std::chrono::duration<float, std::milli>(end.impl().moment->time -
                                                  start.impl().moment->time)
      .count();
}

}  // namespace chimera::cuda
