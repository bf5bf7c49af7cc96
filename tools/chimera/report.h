// What the commands tell the user on standard error.

#ifndef CHIMERA_TOOLS_CHIMERA_REPORT_H_
#define CHIMERA_TOOLS_CHIMERA_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "chimera/v1/generation_service.pb.h"

namespace chimera {

// An error with its code and, where the server sent them, its reason and the field to blame:
// "INVALID_ARGUMENT: must be in [0, 100] (INVALID_FIELD, sampling.temperature)". Not for OK.
std::string DescribeError(const absl::Status& status);

// Tokens per step (design: generated tokens after the first over steps), or nothing where there was
// no step.
std::optional<double> TokensPerStep(int64_t tokens_after_first, int64_t steps);

// One line with the figures of a reply that took `seconds`: "25 tokens, stop, 80.1 tokens/s, 1.50
// tokens per step, seed 7".
std::string DescribeFigures(const v1::GenerateComplete& complete, double seconds);

// "stop" or "length".
std::string FinishReasonName(v1::FinishReason reason);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_REPORT_H_
