// Drafting: levels of trees through the draft network.

#ifndef CHIMERA_TOOLS_GPU_BENCH_DRAFT_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_DRAFT_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/model/llama_config.h"
#include "tools/gpu_bench/config.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// Nodes of trees of eight a level, from their tokens to logits in memory of the host: what chooses
// candidates among these is not in it.
struct DraftLevelTime {
  int rows = 0;
  TimeSpread seconds = {};
};

// Of the model's default drafter.
struct DraftTimes {
  int context = 0;                          // positions before the roots
  int64_t level_weight_bytes = 0;           // that a level reads
  TimeSpread root_seconds = {};             // of one root, where a tree starts
  std::vector<DraftLevelTime> levels = {};  // of 1, 4, 8, 16, 32 and 64 rows
  std::string skipped = {};                 // why there are no times
};

// By the host's clock. Errors: those of DraftNetwork, but what does not fit is skipped.
absl::StatusOr<DraftTimes> MeasureDrafting(const LlamaConfig& target, const GpuBenchConfig& bench,
                                           const Clock& clock);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_DRAFT_BENCH_H_
