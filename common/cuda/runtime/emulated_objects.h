// What the emulated runtime keeps of streams, events and graphs.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_OBJECTS_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_OBJECTS_H_

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "common/cuda/runtime/emulated_machine.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

class Stream::Impl {
 public:
  const int device;
  std::deque<EmulatedOperation> pending = {};
  // Where work goes instead while the stream is being captured.
  std::vector<EmulatedOperation>* recording = nullptr;
};

// When a stream has run all that was given to it before an event was recorded. Every moment is
// either ahead in its stream's pending work, or reached, or on a device that is lost; so a moment
// that may be waited for has its stream.
struct Moment {
  Stream::Impl* stream;
  int device;
  bool is_reached = false;
  std::chrono::steady_clock::time_point time = {};  // when it was reached
};

class Event::Impl {
 public:
  const int device;
  const EventTiming timing;
  std::shared_ptr<Moment> moment = nullptr;  // null until recorded
};

class Graph::Impl {
 public:
  const int device;
  // Shared with launches that are pending.
  const std::shared_ptr<const std::vector<EmulatedOperation>> operations;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_OBJECTS_H_
