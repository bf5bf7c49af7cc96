// A tree of candidates under growth.

#ifndef CHIMERA_DRAFTER_CANDIDATE_TREE_H_
#define CHIMERA_DRAFTER_CANDIDATE_TREE_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/tree/acceptance_calibration.h"
#include "common/tree/candidate_source.h"
#include "drafter/draft_model.h"
#include "drafter/network/candidate_selector.h"

namespace chimera {

// Bounds of one tree, and how its request chooses.
struct CandidateTreeLimits {
  int32_t node_budget = 0;  // root excluded
  int32_t max_depth = 0;
  float min_path_probability = 0;  // less probable candidates are not proposed
  bool sampled = false;            // whether the request draws its tokens
};

// The bounds of the tree that `input` asks for. `min_path_probability` holds where prices are
// unknown.
CandidateTreeLimits MakeTreeLimits(const DraftInput& input, bool sampled,
                                   float min_path_probability);

// Holds what may be proposed, from all sources, and ranks it by calibrated probability. The best of
// it is proposed: those nodes, as many as the budget says, whose path probabilities are greatest.
// Since no child is likelier than its parent, they are a tree. A token that several sources give
// under one parent is one candidate. One thread.
class CandidateTree {
 public:
  struct Candidate {
    int32_t token = 0;
    int32_t parent = -1;  // index of a candidate; -1: the root
    int32_t depth = 1;
    // By source: the probability that it claims, given the parent; negative if it does not propose
    // it.
    std::array<float, kCandidateSourceCount> claims = {-1, -1};
    CandidateSource source = CandidateSource::kNetwork;  // whose calibrated probability is greatest
    float probability = 0;                               // that one, given the parent
    float path_probability = 0;                          // product of these from the root on
    int32_t node = -1;          // number in the draft network, once its children are looked for
    int32_t first_child = -1;   // indices; -1: none
    int32_t next_sibling = -1;  // likewise
  };

  // `calibration` must outlive the tree. Holds the root alone.
  explicit CandidateTree(const AcceptanceCalibration* calibration) : calibration_(*calibration) {}

  // Starts again with the root alone.
  void Reset(const CandidateTreeLimits& limits);

  // Adds what a source proposes as children of a candidate, -1 being the root, no two of them
  // alike. Returns the greatest calibrated probability among them, given the parent; 0 if there are
  // none.
  float AddChildren(int32_t parent, CandidateSource source,
                    std::span<const TokenCandidate> children);

  // Adds a whole tree of a source, whose path probabilities are claims. REQUIRES: parents come
  // before children, which are no likelier, and nothing is deeper than the limit.
  void AddTree(CandidateSource source, const ProposedTree& tree);

  // Lists candidates that the network may go on from: within the budget now, at least
  // `min_path_probability` likely, above the depth limit, their parents gone on from, not they
  // themselves; the best `count`, best first. Indices, in place of what `chosen` held.
  void BestToExtend(int32_t count, float min_path_probability, std::vector<int32_t>* chosen);

  Candidate& candidate(int32_t index) { return candidates_[index]; }
  const Candidate& candidate(int32_t index) const { return candidates_[index]; }
  int32_t size() const { return static_cast<int32_t>(candidates_.size()); }

  // First child of a candidate, -1 being the root; next_sibling leads to the others. -1: none.
  int32_t first_child(int32_t parent) const {
    return parent < 0 ? first_child_ : candidates_[parent].first_child;
  }
  // The child of a candidate that carries `token`; -1 if there is none.
  int32_t FindChild(int32_t parent, int32_t token) const;
  // The likeliest child's probability, given the candidate; 0 if it has none.
  float BestChildProbability(int32_t parent) const;

  bool sampled() const { return limits_.sampled; }

  ProposedTree Propose();

 private:
  // The source's claim as far as it can be believed at a depth.
  float Calibrated(CandidateSource source, int32_t depth, float claim) const;
  // The candidate of a token, new or not.
  int32_t FindOrAddChild(int32_t parent, int32_t token);
  // Takes in what a source claims of a candidate and, calibrated, says.
  void AddClaim(int32_t index, CandidateSource source, float claim, float probability);
  // Computes the path probabilities of a candidate and of all below it.
  void UpdatePaths(int32_t index);
  // Indices of the candidates to propose, best first: parents before children. Valid until the next
  // call.
  std::span<const int32_t> Best();

  int32_t depth(int32_t index) const { return index < 0 ? 0 : candidates_[index].depth; }

  const AcceptanceCalibration& calibration_;
  CandidateTreeLimits limits_;
  std::vector<Candidate> candidates_;  // parents before children
  int32_t first_child_ = -1;           // of the root

  // Scratch memory.
  std::vector<int32_t> order_;
  std::vector<int32_t> indices_;  // of a tree's nodes, the root at 0
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_CANDIDATE_TREE_H_
