#include "drafter/proposal_outcome.h"

#include <cstddef>

namespace chimera {

void SettleProposal(std::span<const int32_t> committed, CandidateTree* tree,
                    AcceptanceCalibration* calibration) {
  if (committed.empty()) return;
  int32_t parent = -1;
  for (const int32_t token : committed) {
    int32_t accepted = -1;
    for (int32_t child = tree->first_child(parent); child >= 0;
         child = tree->candidate(child).next_sibling) {
      const CandidateTree::Candidate& candidate = tree->candidate(child);
      if (candidate.token == token) accepted = child;
      for (int source = 0; source < kCandidateSourceCount; ++source) {
        const float claim = candidate.claims[static_cast<size_t>(source)];
        if (claim < 0) continue;
        calibration->Record({.source = static_cast<CandidateSource>(source),
                             .depth = candidate.depth,
                             .sampled = tree->sampled()},
                            claim, candidate.token == token);
      }
    }
    if (accepted < 0) break;
    parent = accepted;
  }
  tree->Reset({});
}

}  // namespace chimera
