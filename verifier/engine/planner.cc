#include "verifier/engine/planner.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace chimera {
namespace {

// The next candidate of a sequence.
struct Next {
  float path_probability = 0;
  size_t sequence = 0;
};

// Of equal candidates that of the first sequence is taken first.
bool IsWorse(const Next& a, const Next& b) {
  return std::tuple(a.path_probability, b.sequence) < std::tuple(b.path_probability, a.sequence);
}

}  // namespace

std::vector<int> PlanNodes(std::span<const PathProbabilities> sequences, const StepBase& base,
                           const StepTimeTable& step_times) {
  std::vector<int> taken(sequences.size(), 0);
  std::vector<int> best = taken;
  std::vector<Next> heap;
  const auto push_next = [&](size_t i) {
    if (taken[i] == static_cast<int>(sequences[i].size())) return;
    heap.push_back({sequences[i][taken[i]], i});
    std::push_heap(heap.begin(), heap.end(), IsWorse);
  };
  for (size_t i = 0; i < sequences.size(); ++i) push_next(i);
  // Every sequence yields one token whatever is verified.
  double expected_tokens = static_cast<double>(sequences.size());
  int rows = base.rows;
  double best_rate = expected_tokens / (base.spent_seconds + step_times.Seconds(rows));
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), IsWorse);
    const Next next = heap.back();
    heap.pop_back();
    ++taken[next.sequence];
    push_next(next.sequence);
    expected_tokens += next.path_probability;
    const double rate = expected_tokens / (base.spent_seconds + step_times.Seconds(++rows));
    // Looking past a worse row count finds the next good one: row tiles make the time a staircase.
    if (rate > best_rate) {
      best_rate = rate;
      best = taken;
    }
  }
  return best;
}

double OneCandidateGain(int sequences, double acceptance, double rest_seconds,
                        const StepTimeTable& step_times) {
  const double plain = step_times.Seconds(sequences) + rest_seconds;
  const double verifying = step_times.Seconds(2 * sequences) + rest_seconds;
  return (1 + acceptance) * plain / verifying;
}

}  // namespace chimera
