// Times what the host waits for, by the host's clock.

#ifndef CHIMERA_TOOLS_GPU_BENCH_HOST_TIMING_H_
#define CHIMERA_TOOLS_GPU_BENCH_HOST_TIMING_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// The times of `work`, which waits for what it gives to a device, each after a `preparation` that
// is not timed. Two runs before are not timed either: the first loads code, the second records
// graphs. Errors: those of both.
absl::StatusOr<TimeSpread> TimeOnHost(
    const Clock& clock, int repetitions, absl::FunctionRef<absl::Status()> work,
    absl::FunctionRef<absl::Status()> preparation = [] { return absl::OkStatus(); });

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_HOST_TIMING_H_
