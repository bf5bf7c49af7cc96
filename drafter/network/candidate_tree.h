// A tree of candidates under growth.

#ifndef CHIMERA_DRAFTER_NETWORK_CANDIDATE_TREE_H_
#define CHIMERA_DRAFTER_NETWORK_CANDIDATE_TREE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "drafter/draft_model.h"
#include "drafter/network/candidate_selector.h"

namespace chimera {

// Bounds of one tree.
struct CandidateTreeLimits {
  int32_t node_budget = 0;  // root excluded
  int32_t max_depth = 0;
  float min_path_probability = 0;  // less probable candidates are not proposed
};

// Holds what may be proposed and keeps the best of it: those nodes, as many as the budget says, whose
// path probabilities are greatest. Since no child is likelier than its parent, they are a tree. One
// thread.
class CandidateTree {
 public:
  struct Candidate {
    int32_t token = 0;
    int32_t parent = -1;  // index of a candidate; -1: the root
    int32_t depth = 1;
    float path_probability = 0;
    int32_t node = -1;  // number in the draft network, once its children are looked for
  };

  // Starts again with the root alone.
  void Reset(const CandidateTreeLimits& limits);

  // Adds the children of a candidate, -1 being the root.
  void AddChildren(int32_t parent, std::span<const TokenCandidate> children);

  // Candidates worth going on from: within the budget now, above the depth limit, at least
  // `min_path_probability` likely, not taken before; the best `count`, best first. Indices.
  std::vector<int32_t> BestToExtend(int32_t count, float min_path_probability) const;

  Candidate& candidate(int32_t index) { return candidates_[index]; }
  const Candidate& candidate(int32_t index) const { return candidates_[index]; }

  ProposedTree Propose() const;

 private:
  // Indices of the candidates within the budget, best first: parents before children.
  std::vector<int32_t> Best() const;

  CandidateTreeLimits limits_;
  std::vector<Candidate> candidates_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_CANDIDATE_TREE_H_
