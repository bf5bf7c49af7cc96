// Drafts by looking up how the sequence went on before.

#ifndef CHIMERA_DRAFTER_NGRAM_DRAFT_MODEL_H_
#define CHIMERA_DRAFTER_NGRAM_DRAFT_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/tree/acceptance_calibration.h"
#include "drafter/draft_model.h"
#include "drafter/ngram_tree_builder.h"

namespace chimera {

// Proposes what followed earlier occurrences of the sequence's newest tokens, in its prompt and its
// output. It needs no weights and no hidden states. Of how the request samples it needs to know
// only whether it does.
//
// Every node of the tree stands for the set of places that read like the sequence's end followed by
// the path to the node. The probability that token w comes next blends the counts of these places
// over the lengths of their matches, as text compressors of the PPM family do:
//
//   P_0(w) = 0,   P_n(w) = (c_n(w) + b_n P_{n-1}(w)) / (c_n + b_n),
//
// c_n being the number of places that match at least n tokens, c_n(w) that of those followed by w,
// and b_n a constant of the length. Longer matches and places that agree raise it. How far that can
// be believed is learnt from what the target accepts. Path probabilities are products; the tree
// takes the most probable nodes first.
class NgramDraftModel : public DraftModel {
 public:
  // Nodes with a smaller path probability are not proposed where the price of verifying one is
  // unknown: some 4 % of a step or more. A token that followed the newest one once before is below
  // it.
  static constexpr float kMinPathProbability = 0.06f;

  // Nodes whose path probability is smaller before anything is learnt are not looked at.
  static constexpr float kMinClaim = 0.03f;

  // Positions of context it searches.
  static constexpr int32_t kContextWindow = 8192;

  NgramDraftModel();

  const DraftModelInfo& info() const override { return info_; }
  std::unique_ptr<DraftState> NewState(int32_t start_position,
                                       const SamplingParams& sampling) override;
  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override;

 private:
  const DraftModelInfo info_;
  NgramTreeBuilder builder_;
  AcceptanceCalibration calibration_;
  ProposedTree claimed_;  // of the sequence under way, as the builder sees it
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NGRAM_DRAFT_MODEL_H_
