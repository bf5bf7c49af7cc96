// Whole steps through the backend: verification of trees, and prefill.

#ifndef CHIMERA_TOOLS_GPU_BENCH_STEP_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_STEP_BENCH_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tools/gpu_bench/bench_model.h"
#include "tools/gpu_bench/config.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// Of a binary tree, every row sampled greedily, from Submit to the end of Wait: what the host does
// is in it.
struct StepTime {
  int rows = 0;
  TimeSpread seconds = {};
};

struct StepTimes {
  int context = 0;                   // positions before the rows
  std::vector<StepTime> steps = {};  // of 1, 8, 16, 32 and 64 rows
  StepTime prefill = {};             // of a prompt from its beginning, in one step
};

// By the host's clock. Errors: those of Backend.
absl::StatusOr<StepTimes> MeasureSteps(const GpuBenchConfig& bench, const Clock& clock,
                                       BenchModel* model);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_STEP_BENCH_H_
