#include "tools/chimera/bench/step_times.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "tools/chimera/bench/http_get.h"

namespace chimera {
namespace {

// The value of chimera_step_duration_seconds_`suffix` for a stage.
absl::StatusOr<double> FindValue(absl::string_view metrics, absl::string_view suffix,
                                 absl::string_view stage) {
  const std::string name = absl::StrCat("chimera_step_duration_seconds_", suffix, "{");
  const std::string label = absl::StrCat("stage=\"", stage, "\"");
  for (const absl::string_view line : absl::StrSplit(metrics, '\n')) {
    if (!absl::StartsWith(line, name) || !absl::StrContains(line, label)) continue;
    double value = 0;
    if (absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) return value;
  }
  return absl::NotFoundError(absl::StrCat("the metrics lack ", name, label, "}"));
}

}  // namespace

StepTimes& StepTimes::operator+=(const StepTimes& other) {
  steps += other.steps;
  draft += other.draft;
  verify += other.verify;
  commit += other.commit;
  link += other.link;
  return *this;
}

StepTimes& StepTimes::operator-=(const StepTimes& other) {
  return *this += {-other.steps, -other.draft, -other.verify, -other.commit, -other.link};
}

absl::StatusOr<StepTimes> ParseStepTimes(absl::string_view metrics) {
  StepTimes times;
  CHIMERA_ASSIGN_OR_RETURN(const double steps, FindValue(metrics, "count", "verify"));
  times.steps = static_cast<int64_t>(steps);
  CHIMERA_ASSIGN_OR_RETURN(times.draft, FindValue(metrics, "sum", "draft"));
  CHIMERA_ASSIGN_OR_RETURN(times.verify, FindValue(metrics, "sum", "verify"));
  CHIMERA_ASSIGN_OR_RETURN(times.commit, FindValue(metrics, "sum", "commit"));
  CHIMERA_ASSIGN_OR_RETURN(times.link, FindValue(metrics, "sum", "link"));
  return times;
}

absl::StatusOr<StepTimes> ReadStepTimes(const std::string& address) {
  CHIMERA_ASSIGN_OR_RETURN(const std::string metrics, HttpGet(address, "/metrics"));
  return ParseStepTimes(metrics);
}

}  // namespace chimera
