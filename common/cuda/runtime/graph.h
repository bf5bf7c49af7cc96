// Work recorded once and launched many times, in one call.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_GRAPH_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_GRAPH_H_

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/runtime/impl_pointer.h"
#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

// Owns a recording of one stream's work. It keeps addresses, of device and of pinned memory, and the
// arguments of kernels; what lies at these addresses is read anew in every launch. It does not own
// that memory, which must be there whenever it is launched. It may be destroyed while a launch is
// pending. Moving it leaves nothing behind but an object to assign to or destroy. One thread at a
// time.
class Graph {
 public:
  // Calls `record` at once; the work that it gives to `stream` is recorded instead of run. Where
  // `record` fails, its error is returned and the stream is as before. REQUIRES: `record` neither
  // waits for anything nor records events, allocates or frees memory, launches graphs or captures.
  static absl::StatusOr<Graph> Capture(Stream& stream, absl::FunctionRef<absl::Status()> record);

  // Gives all that was recorded, in its order, to a stream of the same device. Launches of one graph
  // do not overlap: give them to one stream, or order them by events.
  absl::Status Launch(Stream& stream) const;

  // What an implementation keeps. For the implementations.
  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit Graph(ImplPointer<Impl> impl) : impl_(std::move(impl)) {}

  ImplPointer<Impl> impl_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_GRAPH_H_
