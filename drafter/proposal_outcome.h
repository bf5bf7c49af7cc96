// Learns from what became of a proposal.

#ifndef CHIMERA_DRAFTER_PROPOSAL_OUTCOME_H_
#define CHIMERA_DRAFTER_PROPOSAL_OUTCOME_H_

#include <cstdint>
#include <span>

#include "common/tree/acceptance_calibration.h"
#include "drafter/candidate_tree.h"

namespace chimera {

// Follows the tokens that were committed behind the root of `tree`, as far as it knows them, and
// records for every candidate whose parent is on their path what each of its sources claimed and
// whether the target chose it. Candidates that were not worth proposing count as well, so that a
// source which is thought little of is noticed when it gets better. Then `tree` holds the root
// alone: what was recorded is not recorded again. Does nothing if no token was committed.
void SettleProposal(std::span<const int32_t> committed, CandidateTree* tree,
                    AcceptanceCalibration* calibration);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_PROPOSAL_OUTCOME_H_
