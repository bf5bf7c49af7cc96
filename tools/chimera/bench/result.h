// What a benchmark found, prompt by prompt and in total.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_RESULT_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_RESULT_H_

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "chimera/v1/generation_service.pb.h"
#include "tools/chimera/generation_client.h"

namespace chimera {

// The line of OUT.jsonl for the reply to prompt `index` in a mode.
nlohmann::ordered_json ResultLine(int index, v1::SpeculationMode mode, const Reply& reply);

// One mode as measured: the reply to every prompt, in the order of the prompts, and the wall time
// of the mode's blocks.
struct ModeResult {
  v1::SpeculationMode mode;
  std::vector<Reply> replies;
  double seconds = 0;
};

// The summary line of each mode; figures that would divide by zero are null. Tokens, text and
// finish reason are compared with those of the first mode. REQUIRES: equally many replies in every
// mode.
std::vector<nlohmann::ordered_json> Summarize(std::span<const ModeResult> modes);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_RESULT_H_
