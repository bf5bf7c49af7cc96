// Times work on a device by the device's own clock.

#ifndef CHIMERA_TOOLS_GPU_BENCH_DEVICE_TIMER_H_
#define CHIMERA_TOOLS_GPU_BENCH_DEVICE_TIMER_H_

#include <span>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/stream.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// Owns a stream and the events around what is timed. Work that uses memory is finished before any
// of the functions returns. Errors: common/cuda/runtime/device_error.h. One thread.
class DeviceTimer {
 public:
  using Work = absl::FunctionRef<absl::Status(cuda::Stream&)>;

  // On the calling thread's device.
  static absl::StatusOr<DeviceTimer> Create();

  cuda::Stream& stream() { return stream_; }

  // Runs `work`, which gives work to the stream, once, so that all code is on the device, and
  // records it.
  absl::StatusOr<cuda::Graph> Capture(Work work);

  // The times of one launch of each graph, in their order; they take turns, `repetitions` times, so
  // that what disturbs a device disturbs all alike. Each launch follows another of the same graph
  // without a gap: starting it is not in the time.
  absl::StatusOr<std::vector<TimeSpread>> Measure(std::span<const cuda::Graph* const> graphs,
                                                  int repetitions);

  // The same for what cannot be recorded, or should not be.
  absl::StatusOr<TimeSpread> Measure(Work work, int repetitions);

 private:
  DeviceTimer(cuda::Event start, cuda::Event end, cuda::Stream stream)
      : start_(std::move(start)), end_(std::move(end)), stream_(std::move(stream)) {}

  // Seconds of one run of `work` behind another.
  absl::StatusOr<double> Time(Work work);

  cuda::Event start_;
  cuda::Event end_;
  cuda::Stream stream_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_DEVICE_TIMER_H_
