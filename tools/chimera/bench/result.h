// What a benchmark found, prompt by prompt and in total.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_RESULT_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_RESULT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/chimera/bench/prompt_file.h"
#include "tools/chimera/bench/step_times.h"
#include "tools/chimera/generation_client.h"

namespace chimera {

// The line of OUT.jsonl for the reply to prompt `index` in a mode.
nlohmann::ordered_json ResultLine(int index, const std::string& mode, const Reply& reply);

// What a mode took for a block of prompts.
struct BlockFigures {
  int64_t tokens = 0;
  double seconds = 0;  // wall time
};

// One mode as measured.
struct ModeResult {
  std::string mode;                          // its name
  std::vector<Reply> replies = {};           // one for each prompt, in their order
  std::vector<BlockFigures> blocks = {};     // in the order of the prompts
  std::optional<StepTimes> step_times = {};  // of all blocks, where the metrics are known
};

// The summary line of each mode; figures that would divide by zero are null. The first mode is what
// the others are compared with: tokens, text and finish reason of every reply, and tokens per
// second of every block, as the median of the ratios (EstimateMedian).
//
// `step` splits the mean time from one step to the next: shares of verification, drafting and link,
// and the rest, which is committing, planning, handing tokens to clients and waiting for them.
//
// REQUIRES: equally many replies as prompts, and equally many blocks, in every mode.
std::vector<nlohmann::ordered_json> Summarize(std::span<const BenchPrompt> prompts,
                                              std::span<const ModeResult> modes);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_RESULT_H_
