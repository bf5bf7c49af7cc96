// Grows a tree from the places where a sequence read like it reads now.

#ifndef CHIMERA_DRAFTER_NGRAM_TREE_BUILDER_H_
#define CHIMERA_DRAFTER_NGRAM_TREE_BUILDER_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "drafter/draft_model.h"
#include "drafter/ngram_index.h"

namespace chimera {

// Bounds of one tree.
struct NgramTreeLimits {
  int32_t max_nodes = 0;  // root excluded
  int32_t max_depth = 0;
  float min_path_probability = 0;
};

// Grows trees best first. Holds scratch memory only: results do not depend on earlier calls. One
// thread at a time.
class NgramTreeBuilder {
 public:
  // b_n for n = 1, 2, ...: how many places the evidence of shorter matches is worth.
  static constexpr std::array<float, NgramIndex::kMaxMatchLength> kBlend = {16, 2, 1, 1,
                                                                            1,  1, 1, 1};

  // The tree for the end of `index`, in place of what `tree` held; probabilities as NgramDraftModel
  // defines them. Among equal path probabilities the node found first wins: nearer to the root,
  // then of the newer place.
  void Build(const NgramIndex& index, const NgramTreeLimits& limits, ProposedTree* tree);

 private:
  using Match = NgramIndex::Match;
  static constexpr int32_t kMaxLength = NgramIndex::kMaxMatchLength;
  // Number of matches of at least 1, 2, ... tokens.
  using Counts = std::array<int32_t, kMaxLength>;

  // A node that may be taken next.
  struct Candidate {
    float path_probability = 0;
    int32_t order = 0;  // counts up over the candidates of a tree
    int32_t parent = 0;
    int32_t token = 0;
    int32_t depth = 0;
    int32_t first_match = 0;  // matches_[first_match, first_match + match_count) end before `token`
    int32_t match_count = 0;
  };

  // One match of a node, for sorting by the token that follows it.
  struct Continuation {
    int32_t token = 0;
    int32_t rank = 0;  // position among the node's matches: the newest first
    Match match;
  };

  static bool IsWorse(const Candidate& a, const Candidate& b);
  static Counts CountByLength(std::span<const Continuation> continuations);
  static float Probability(const Counts& with_token, const Counts& all);

  // What a node hands down to its children.
  struct Node {
    int32_t number = 0;  // 0 is the root
    int32_t depth = 0;
    float path_probability = 1;
    std::span<const Match> matches;
  };

  // Adds a candidate for each token that follows `node` and is probable enough.
  void Expand(const NgramIndex& index, const Node& node);
  void AddCandidate(const Node& parent, std::span<const Continuation> continuations,
                    float path_probability);
  Candidate PopBest();

  float min_path_probability_ = 0;
  std::vector<Match> root_matches_;
  std::vector<Match> matches_;  // those of the candidates, back to back
  std::vector<Continuation> continuations_;
  std::vector<std::span<const Continuation>> groups_;  // continuations_ by token
  std::vector<Candidate> heap_;
  int32_t candidate_count_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NGRAM_TREE_BUILDER_H_
