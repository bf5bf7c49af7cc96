// Grows trees of candidates with a draft network.

#ifndef CHIMERA_DRAFTER_TREE_GROWER_H_
#define CHIMERA_DRAFTER_TREE_GROWER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/backend/draft_network.h"
#include "common/base/clock.h"
#include "common/sampling/sampling_params.h"
#include "common/tree/token_tree.h"
#include "drafter/candidate_tree.h"
#include "drafter/draft_model.h"
#include "drafter/growth_policy.h"
#include "drafter/network/candidate_selector.h"
#include "drafter/tree_shape.h"

namespace chimera {

// A tree that is to be grown: of one sequence.
struct TreeGrowth {
  CandidateTree* candidates = nullptr;  // may hold candidates of other sources
  DraftContext* context = nullptr;      // is_current()
  const SamplingParams* sampling = nullptr;
  DraftPrices prices;
};

// Goes level by level, all trees at once: each level goes on from the likeliest candidates that are
// within the budget. One thread.
class TreeGrower {
 public:
  // Candidates of one tree that a level goes on from, at most.
  static constexpr int32_t kMaxBeams = 8;
  // Children that are looked at.
  static constexpr int32_t kMaxChildren = 8;
  // Candidates that are less probable are not gone on from where prices are unknown: not worth the
  // time of a pass.
  static constexpr float kMinExtendProbability = 0.04f;

  // `network` and `clock` must outlive the grower. Trees of a shape that is not empty have it as
  // far as their limits go, whatever prices say.
  TreeGrower(DraftNetwork* network, TreeShape shape, const Clock* clock);

  // Errors: those of the network; the trees are then as far as it came.
  absl::Status Grow(std::span<const TreeGrowth> trees);

 private:
  // A candidate that the network goes on from.
  struct Extension {
    size_t tree = 0;
    int32_t candidate = 0;
  };

  void AddDepthHeads(const DraftLogits& logits);
  // Adds the children of all roots.
  void AddFirstLevel(const DraftLogits& logits);
  // Lists the candidates of a tree to go on from. Returns the seconds that this may save, if prices
  // are known.
  float ChooseExtensions(size_t tree);
  // Chooses the candidates of the next level, of all trees. Returns false if there is to be none.
  bool ChooseLevel();
  absl::Status AddLevel();
  // Finds the children of a tree's candidates `depth` below its root in a row of logits, to
  // children_.
  void SelectChildren(const TreeGrowth& tree, int32_t depth, std::span<const float> logits);

  int32_t max_beams() const { return shape_.empty() ? kMaxBeams : TokenTree::kMaxNodes; }
  // Whether the policy has a say about a tree.
  bool is_weighed(const TreeGrowth& tree) const { return shape_.empty() && tree.prices.known(); }

  DraftNetwork& network_;
  const TreeShape shape_;
  CandidateSelector selector_;
  GrowthPolicy policy_;

  // Of the call under way.
  std::span<const TreeGrowth> trees_;
  int32_t node_count_ = 0;  // that the network has gone on from
  std::vector<DraftContext*> contexts_;
  std::vector<Extension> extensions_;
  std::vector<int32_t> chosen_;  // candidates of one tree
  std::vector<DraftNode> nodes_;
  std::vector<TokenCandidate> children_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_TREE_GROWER_H_
