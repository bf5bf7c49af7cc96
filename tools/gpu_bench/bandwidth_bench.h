// How fast a device's memory is, and what moves between it and the host.

#ifndef CHIMERA_TOOLS_GPU_BENCH_BANDWIDTH_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_BANDWIDTH_BENCH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/cuda/runtime/device.h"
#include "tools/gpu_bench/device_timer.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// `bytes` moved in each of the times.
struct TransferTime {
  int64_t bytes = 0;
  TimeSpread seconds;

  double bytes_per_second() const { return static_cast<double>(bytes) / seconds.median; }
};

struct CopyTimes {
  TransferTime within;     // bytes are those copied, each of which is read and written
  TransferTime to_device;  // from pinned memory
  TransferTime to_host;
};

// A streaming kernel that reads far more than caches hold, and writes nothing: what shares of the
// bandwidth refer to. Errors of both: common/cuda/runtime/device_error.h.
absl::StatusOr<TransferTime> MeasureReadBandwidth(const cuda::DeviceInfo& device, int repetitions,
                                                  DeviceTimer* timer);

absl::StatusOr<CopyTimes> MeasureCopies(const cuda::DeviceInfo& device, int repetitions,
                                        DeviceTimer* timer);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_BANDWIDTH_BENCH_H_
