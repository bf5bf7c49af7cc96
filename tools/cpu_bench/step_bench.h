// Whole steps through the backend: verification of trees, and prefill.

#ifndef CHIMERA_TOOLS_CPU_BENCH_STEP_BENCH_H_
#define CHIMERA_TOOLS_CPU_BENCH_STEP_BENCH_H_

#include <cstdint>
#include <vector>

#include "common/backend/backend.h"
#include "tools/cpu_bench/timing.h"

namespace chimera {

// Rows of the longest step that is taken.
inline constexpr int32_t kMaxBenchStepRows = 512;

// A step that verifies a binary tree, greedy, every row sampled.
struct StepTime {
  int rows = 0;
  double seconds = 0;
};

// A step that reads the first `tokens` tokens of a prompt and samples after the last.
struct PrefillTime {
  int tokens = 0;
  double seconds = 0;
  int repetitions = 0;  // the N of "best of N", fewer than of other figures, for it takes longer
};

// Steps of kBenchRowCounts rows after `context` positions, which are filled first. REQUIRES: the
// limits of `backend` allow kMaxBenchStepRows rows; it and its model, `context` positions and the
// deepest tree.
std::vector<StepTime> MeasureSteps(Backend* backend, int32_t context, const Timing& timing);

// A prompt of kMaxBenchStepRows tokens, or as many as fit in the model's context. REQUIRES: the
// backend has pages for them.
PrefillTime MeasurePrefill(Backend* backend, const Timing& timing);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_STEP_BENCH_H_
