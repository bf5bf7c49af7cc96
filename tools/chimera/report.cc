#include "tools/chimera/report.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/rpc/status_conversion.h"

namespace chimera {

std::string DescribeError(const absl::Status& status) {
  std::string text = absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
  const auto detail = GetErrorDetail(status);
  if (!detail.has_value()) return text;
  const std::string reason = v1::ErrorReason_Name(detail->reason());
  // A newer server may have reasons without a name here.
  absl::StrAppend(&text, " (",
                  reason.empty() ? absl::StrCat("reason ", static_cast<int>(detail->reason()))
                                 : std::string(absl::StripPrefix(reason, "ERROR_REASON_")),
                  detail->field().empty() ? "" : ", ", detail->field(), ")");
  return text;
}

std::optional<double> TokensPerStep(int64_t tokens_after_first, int64_t steps) {
  if (steps <= 0) return std::nullopt;
  return static_cast<double>(tokens_after_first) / static_cast<double>(steps);
}

std::string DescribeFigures(const v1::GenerateComplete& complete, double seconds) {
  const int tokens = complete.usage().completion_tokens();
  std::string text = absl::StrFormat("%d tokens, %s, %.1f tokens/s", tokens,
                                     FinishReasonName(complete.finish_reason()), tokens / seconds);
  const auto tokens_per_step =
      TokensPerStep(std::max(tokens - 1, 0), complete.speculation().steps());
  if (tokens_per_step.has_value()) {
    absl::StrAppendFormat(&text, ", %.2f tokens per step", *tokens_per_step);
  }
  absl::StrAppend(&text, ", seed ", complete.seed());
  return text;
}

std::string FinishReasonName(v1::FinishReason reason) {
  const std::string name = v1::FinishReason_Name(reason);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "FINISH_REASON_"));
}

}  // namespace chimera
