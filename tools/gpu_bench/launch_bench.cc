#include "tools/gpu_bench/launch_bench.h"

#include <vector>

#include "common/base/status_macros.h"
#include "tools/gpu_bench/bench_kernels.h"
#include "tools/gpu_bench/device_operands.h"

namespace chimera {

absl::StatusOr<LaunchTimes> MeasureLaunches(const cuda::DeviceInfo& device, int launches,
                                            int repetitions, DeviceTimer* timer) {
  const auto launch_all = [launches](LaunchOrder order) {
    return [launches, order](cuda::Stream& stream) -> absl::Status {
      for (int i = 0; i < launches; ++i) {
        CHIMERA_RETURN_IF_ERROR(LaunchNothing(stream, order));
      }
      return absl::OkStatus();
    };
  };
  const auto in_order = launch_all(LaunchOrder::kAfterPriorLaunch);
  CHIMERA_ASSIGN_OR_RETURN(const cuda::Graph graph, timer->Capture(in_order));
  CHIMERA_ASSIGN_OR_RETURN(const cuda::Graph overlapping,
                           timer->Capture(launch_all(BestLaunchOrder(device))));
  CHIMERA_ASSIGN_OR_RETURN(const TimeSpread single, timer->Measure(in_order, repetitions));
  const cuda::Graph* const graphs[] = {&graph, &overlapping};
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<TimeSpread> recorded,
                           timer->Measure(graphs, repetitions));
  LaunchTimes times = {single.DividedBy(launches), recorded[0].DividedBy(launches), std::nullopt};
  if (BestLaunchOrder(device) == LaunchOrder::kOverlapsPriorLaunch) {
    times.overlapping_graph = recorded[1].DividedBy(launches);
  }
  return times;
}

}  // namespace chimera
