// What became of a proposed tree, and what that says about the next one.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFT_OUTCOME_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFT_OUTCOME_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/tree/acceptance_calibration.h"
#include "verifier/engine/candidate_counts.h"
#include "verifier/engine/sequence.h"

namespace chimera {

// Path probabilities of the candidates of a sequence's proposal as experience corrects them, in the
// order of the tree, root excluded: the products of the calibrated probabilities along each path.
std::vector<float> CalibratedPathProbabilities(const Sequence& sequence,
                                               const AcceptanceCalibration& calibration);

// Tells `calibration` which candidates of the proposal the target has chosen, whether they were
// verified or not. `tokens` are those of the step, which follow the proposal's root: they judge
// every candidate whose parent is among them.
void RecordOutcome(const Sequence& sequence, std::span<const int32_t> tokens,
                   AcceptanceCalibration* calibration);

// Counts the candidates of the tree that was verified. `accepted` are the nodes that became part of
// the reply, the root first.
CandidateCounts CountCandidates(const Sequence& sequence, std::span<const int> accepted);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFT_OUTCOME_H_
