// Queues of work on a device.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_STREAM_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_STREAM_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/impl_pointer.h"

namespace chimera::cuda {

// Owns a queue: what is given to it (kernels, copies, graphs) runs in the order given, some time
// later, beside the work of other streams and of the host. No stream waits for another unless
// WaitEvent says so; there is no default stream.
//
// Moving it leaves nothing behind but an object to assign to or destroy. Destruction waits for the
// work that is pending; an error of that work shows in later calls for the device. One thread at a
// time; work is given by threads of the stream's device (SelectDevice).
class Stream {
 public:
  // On the calling thread's device. Errors: device_error.h.
  static absl::StatusOr<Stream> Create();

  // Waits until all work given so far is done. Returns the error of that work, if it had one.
  // REQUIRES: the stream is not being captured (graph.h).
  absl::Status Synchronize();

  // Makes `event` stand for this moment of the stream: the end of all work given so far. Does not
  // wait. REQUIRES: the event is of the stream's device; the stream is not being captured.
  absl::Status RecordEvent(Event& event);

  // Lets all work given to this stream from now on wait until the moment at which `event` was
  // recorded last, by any stream of any device; not at all if it never was. The host does not wait,
  // and the event may be recorded again or destroyed at once. REQUIRES: the stream is not being
  // captured.
  absl::Status WaitEvent(const Event& event);

  // What an implementation keeps. For the implementations.
  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit Stream(ImplPointer<Impl> impl) : impl_(std::move(impl)) {}

  ImplPointer<Impl> impl_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_STREAM_H_
