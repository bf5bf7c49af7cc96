// Decides how many candidates of each sequence a step verifies.

#ifndef CHIMERA_VERIFIER_ENGINE_PLANNER_H_
#define CHIMERA_VERIFIER_ENGINE_PLANNER_H_

#include <span>
#include <vector>

#include "verifier/engine/step_time_table.h"

namespace chimera {

// Path probabilities of one sequence's candidates, in the order of its tree; empty if it has none.
using PathProbabilities = std::span<const float>;

// What a step takes without any candidate.
struct StepBase {
  int rows = 0;              // roots and prompt tokens
  double spent_seconds = 0;  // that go by whatever is verified, as for drafting
};

// Returns for each sequence how many of its first candidates to verify: those that, over all
// sequences together, give the most expected tokens per second. None at all is a valid answer, so a
// draft is never verified at a loss as far as its probabilities are right.
std::vector<int> PlanNodes(std::span<const PathProbabilities> sequences, const StepBase& base,
                           const StepTimeTable& step_times);

// Tokens per second, relative to none, with one candidate for each of so many sequences that is
// accepted at that rate, if drafting took no time. Beside the forward pass a step takes
// `rest_seconds`.
double OneCandidateGain(int sequences, double acceptance, double rest_seconds,
                        const StepTimeTable& step_times);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_PLANNER_H_
