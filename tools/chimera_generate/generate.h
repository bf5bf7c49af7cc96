// Answers a file of prompts.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_GENERATE_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_GENERATE_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tools/chimera_generate/config.h"

namespace chimera {

// How far a run is. Counts are of this run; prompts answered by an earlier one are left out.
struct GenerateProgress {
  int64_t prompt_count = 0;     // to answer in this run
  int64_t too_long_count = 0;   // prompts left out because they fill max_length
  int64_t sequence_count = 0;   // answered
  int64_t response_tokens = 0;  // of these answers
  double seconds = 0;           // since decoding began
};

// Answers the prompts and writes the shards (shard_writer.h). Calls `report` every few seconds.
// Errors are those of the model, the prompt file and the folder; shards that were complete stay.
absl::StatusOr<GenerateProgress> Generate(
    const GenerateConfig& config, const Clock& clock,
    const std::function<void(const GenerateProgress&)>& report);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_GENERATE_H_
