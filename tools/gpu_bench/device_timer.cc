#include "tools/gpu_bench/device_timer.h"

#include "common/base/status_macros.h"

namespace chimera {

absl::StatusOr<DeviceTimer> DeviceTimer::Create() {
  CHIMERA_ASSIGN_OR_RETURN(cuda::Event start, cuda::Event::Create(cuda::EventTiming::kOn));
  CHIMERA_ASSIGN_OR_RETURN(cuda::Event end, cuda::Event::Create(cuda::EventTiming::kOn));
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::Create());
  return DeviceTimer(std::move(start), std::move(end), std::move(stream));
}

absl::StatusOr<cuda::Graph> DeviceTimer::Capture(Work work) {
  CHIMERA_RETURN_IF_ERROR(work(stream_));
  CHIMERA_RETURN_IF_ERROR(stream_.Synchronize());
  return cuda::Graph::Capture(stream_, [&] { return work(stream_); });
}

absl::StatusOr<std::vector<TimeSpread>> DeviceTimer::Measure(
    std::span<const cuda::Graph* const> graphs, int repetitions) {
  std::vector<std::vector<double>> seconds(graphs.size());
  for (int i = 0; i < repetitions; ++i) {
    for (size_t graph = 0; graph < graphs.size(); ++graph) {
      const auto launch = [&](cuda::Stream& stream) { return graphs[graph]->Launch(stream); };
      CHIMERA_ASSIGN_OR_RETURN(const double time, Time(launch));
      seconds[graph].push_back(time);
    }
  }
  std::vector<TimeSpread> spreads;
  spreads.reserve(seconds.size());
  for (std::vector<double>& times : seconds) spreads.push_back(SpreadOf(std::move(times)));
  return spreads;
}

absl::StatusOr<TimeSpread> DeviceTimer::Measure(Work work, int repetitions) {
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(const double time, Time(work));
    seconds.push_back(time);
  }
  return SpreadOf(std::move(seconds));
}

absl::StatusOr<double> DeviceTimer::Time(Work work) {
  // The first keeps the device busy until the host has given it all the rest.
  CHIMERA_RETURN_IF_ERROR(work(stream_));
  CHIMERA_RETURN_IF_ERROR(stream_.RecordEvent(start_));
  CHIMERA_RETURN_IF_ERROR(work(stream_));
  CHIMERA_RETURN_IF_ERROR(stream_.RecordEvent(end_));
  CHIMERA_RETURN_IF_ERROR(end_.Synchronize());
  CHIMERA_ASSIGN_OR_RETURN(const float milliseconds, cuda::ElapsedMilliseconds(start_, end_));
  return 1e-3 * milliseconds;
}

}  // namespace chimera
