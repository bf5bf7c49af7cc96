// What the noise of sampling adds to a step.

#ifndef CHIMERA_TOOLS_CPU_BENCH_NOISE_BENCH_H_
#define CHIMERA_TOOLS_CPU_BENCH_NOISE_BENCH_H_

#include <algorithm>
#include <cstdint>

#include "common/backend/backend.h"
#include "tools/cpu_bench/timing.h"

namespace chimera {

struct NoiseResult {
  int rows = 0;                // of logits that were sampled from
  double greedy_seconds = 0;   // to choose one row's token greedily
  double sampled_seconds = 0;  // to choose it at temperature 1, without filters
  double step_seconds = 0;     // of a one-row step at temperature 1

  // What the noise costs in a row, and its share of a one-row step.
  double noise_seconds() const { return std::max(sampled_seconds - greedy_seconds, 0.0); }
  double step_share() const { return noise_seconds() / step_seconds; }
};

// Times the sampler on logits of a text that the model writes at temperature 1, beginning after
// `first_token`: how much noise is looked at depends on how sure the model is. The step follows
// `context` positions. REQUIRES: as MeasureSteps, which was called with the same `context`.
NoiseResult MeasureNoise(Backend* backend, int32_t first_token, int32_t context,
                         const Timing& timing);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_NOISE_BENCH_H_
