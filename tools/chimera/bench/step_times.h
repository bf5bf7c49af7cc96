// Where a verifier's steps spend their time, as its metrics tell.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_STEP_TIMES_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_STEP_TIMES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chimera {

// Sums over steps: since the verifier started, or between two readings. Seconds.
struct StepTimes {
  int64_t steps = 0;
  double draft = 0;   // waiting for drafts, which is drafting itself where both share processors
  double verify = 0;  // the target's forward pass
  double commit = 0;  // keeping what was accepted
  double link = 0;    // sending news to drafters

  StepTimes& operator+=(const StepTimes& other);
  StepTimes& operator-=(const StepTimes& other);
  bool operator==(const StepTimes&) const = default;
};

// Reads the sums out of a verifier's metrics in the text format of Prometheus. NOT_FOUND, naming
// the stage, if one is missing.
absl::StatusOr<StepTimes> ParseStepTimes(absl::string_view metrics);

// Reads them from the metrics at `address`, "host:port". Errors are those of HttpGet and
// ParseStepTimes.
absl::StatusOr<StepTimes> ReadStepTimes(const std::string& address);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_STEP_TIMES_H_
