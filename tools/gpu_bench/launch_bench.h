// What it costs to launch a kernel that does nothing.

#ifndef CHIMERA_TOOLS_GPU_BENCH_LAUNCH_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_LAUNCH_BENCH_H_

#include <optional>

#include "absl/status/statusor.h"
#include "common/cuda/runtime/device.h"
#include "tools/gpu_bench/device_timer.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// Seconds from the beginning of a launch to that of the next.
struct LaunchTimes {
  TimeSpread single;                            // given to the stream one by one
  TimeSpread graph;                             // recorded
  std::optional<TimeSpread> overlapping_graph;  // the same, each overlapping the prior, from 9.0 on
};

// The mean of `launches`. Errors: common/cuda/runtime/device_error.h.
absl::StatusOr<LaunchTimes> MeasureLaunches(const cuda::DeviceInfo& device, int launches,
                                            int repetitions, DeviceTimer* timer);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_LAUNCH_BENCH_H_
