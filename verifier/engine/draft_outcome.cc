#include "verifier/engine/draft_outcome.h"

#include <algorithm>

namespace chimera {
namespace {

CandidateKind KindOf(const Sequence& sequence, int node) {
  return {.source = sequence.sources[node - 1],
          .depth = sequence.proposal.depth(node),
          .sampled = !sequence.request.sampling.greedy()};
}

// The claimed probability of a node, given its parent.
float ClaimedProbability(const Sequence& sequence, int node) {
  const int parent = sequence.proposal.parent(node);
  const float of_parent = parent == 0 ? 1 : sequence.path_probabilities[parent - 1];
  if (of_parent <= 0) return 0;
  return std::min(1.0f, sequence.path_probabilities[node - 1] / of_parent);
}

}  // namespace

std::vector<float> CalibratedPathProbabilities(const Sequence& sequence,
                                               const AcceptanceCalibration& calibration) {
  const TokenTree& tree = sequence.proposal;
  std::vector<float> probabilities(tree.size() - 1);
  for (int node = 1; node < tree.size(); ++node) {
    const int parent = tree.parent(node);
    const float of_parent = parent == 0 ? 1 : probabilities[parent - 1];
    probabilities[node - 1] =
        of_parent *
        calibration.Calibrated(KindOf(sequence, node), ClaimedProbability(sequence, node));
  }
  return probabilities;
}

void RecordOutcome(const Sequence& sequence, std::span<const int32_t> tokens,
                   AcceptanceCalibration* calibration) {
  const TokenTree& tree = sequence.proposal;
  std::vector<bool> chosen(tree.size(), false);
  chosen[0] = true;
  for (int node = 1; node < tree.size(); ++node) {
    const int depth = tree.depth(node);
    if (!chosen[tree.parent(node)] || depth > static_cast<int>(tokens.size())) continue;
    chosen[node] = tokens[depth - 1] == tree.token(node);
    calibration->Record(KindOf(sequence, node), ClaimedProbability(sequence, node), chosen[node]);
  }
}

CandidateCounts CountCandidates(const Sequence& sequence, std::span<const int> accepted) {
  CandidateCounts counts;
  for (int node = 1; node < sequence.tree.size(); ++node) {
    const bool is_accepted = std::ranges::find(accepted, node) != accepted.end();
    counts.Count(sequence.tree.depth(node), sequence.sources[node - 1], is_accepted);
  }
  return counts;
}

}  // namespace chimera
