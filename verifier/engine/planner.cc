#include "verifier/engine/planner.h"

#include <cstddef>

namespace chimera {

std::vector<int> PlanNodes(std::span<const PathProbabilities> sequences, int base_rows,
                           const StepTimeTable& step_times) {
  std::vector<int> taken(sequences.size(), 0);
  std::vector<int> best = taken;
  // Every sequence yields one token whatever is verified.
  double expected_tokens = static_cast<double>(sequences.size());
  int rows = base_rows;
  double best_rate = expected_tokens / step_times.Seconds(rows);
  while (true) {
    size_t next = sequences.size();
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (taken[i] == static_cast<int>(sequences[i].size())) continue;
      if (next == sequences.size() || sequences[i][taken[i]] > sequences[next][taken[next]]) {
        next = i;
      }
    }
    if (next == sequences.size()) return best;
    expected_tokens += sequences[next][taken[next]++];
    const double rate = expected_tokens / step_times.Seconds(++rows);
    // Looking past a worse row count finds the next good one: row tiles make the time a staircase.
    if (rate > best_rate) {
      best_rate = rate;
      best = taken;
    }
  }
}

}  // namespace chimera
