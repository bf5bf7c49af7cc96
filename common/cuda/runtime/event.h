// Moments in the work of a stream, to wait for and to measure between.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EVENT_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EVENT_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/runtime/impl_pointer.h"

namespace chimera::cuda {

enum class EventTiming {
  kOff,  // cheaper, for order only
  kOn,   // ElapsedMilliseconds may be asked
};

// Owns an event, which Stream::RecordEvent makes stand for a moment; recorded again it stands for
// the later one. Until it is recorded it counts as done. It may be destroyed while the moment is
// still to come. Moving it leaves nothing behind but an object to assign to or destroy. One thread
// at a time.
class Event {
 public:
  // On the calling thread's device. Errors: device_error.h.
  static absl::StatusOr<Event> Create(EventTiming timing = EventTiming::kOff);

  // Waits until the moment has come. Returns the error of the work before it, if it had one.
  absl::Status Synchronize() const;

  // Whether the moment has come. Does not wait.
  absl::StatusOr<bool> IsDone() const;

  // What an implementation keeps. For the implementations.
  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit Event(ImplPointer<Impl> impl) : impl_(std::move(impl)) {}

  ImplPointer<Impl> impl_;
};

// The time on the device between two moments. REQUIRES: both events have timing, are of one device,
// and were recorded and are done.
absl::StatusOr<float> ElapsedMilliseconds(const Event& start, const Event& end);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EVENT_H_
