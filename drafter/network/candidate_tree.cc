#include "drafter/network/candidate_tree.h"

#include <algorithm>
#include <numeric>

namespace chimera {

void CandidateTree::Reset(const CandidateTreeLimits& limits) {
  limits_ = limits;
  candidates_.clear();
}

void CandidateTree::AddChildren(int32_t parent, std::span<const TokenCandidate> children) {
  const float probability = parent < 0 ? 1.0f : candidates_[parent].path_probability;
  const int32_t depth = parent < 0 ? 1 : candidates_[parent].depth + 1;
  if (depth > limits_.max_depth) return;
  for (const TokenCandidate& child : children) {
    const float path_probability = probability * std::min(child.probability, 1.0f);
    if (!(path_probability >= limits_.min_path_probability)) continue;
    candidates_.push_back({.token = child.token,
                           .parent = parent,
                           .depth = depth,
                           .path_probability = path_probability});
  }
}

std::vector<int32_t> CandidateTree::Best() const {
  std::vector<int32_t> order(candidates_.size());
  std::iota(order.begin(), order.end(), 0);
  // Candidates that were added first go first among equals, and so parents before children.
  std::stable_sort(order.begin(), order.end(), [this](int32_t a, int32_t b) {
    return candidates_[a].path_probability > candidates_[b].path_probability;
  });
  if (static_cast<int32_t>(order.size()) > limits_.node_budget) order.resize(limits_.node_budget);
  return order;
}

std::vector<int32_t> CandidateTree::BestToExtend(int32_t count, float min_path_probability) const {
  std::vector<int32_t> chosen;
  for (const int32_t index : Best()) {
    const Candidate& candidate = candidates_[index];
    if (static_cast<int32_t>(chosen.size()) == count) break;
    if (candidate.path_probability < min_path_probability) break;
    if (candidate.node < 0 && candidate.depth < limits_.max_depth) chosen.push_back(index);
  }
  return chosen;
}

ProposedTree CandidateTree::Propose() const {
  ProposedTree tree;
  std::vector<int32_t> numbers(candidates_.size());  // of candidates in the tree, the root being 0
  for (const int32_t index : Best()) {
    const Candidate& candidate = candidates_[index];
    tree.token_ids.push_back(candidate.token);
    tree.parents.push_back(candidate.parent < 0 ? 0 : numbers[candidate.parent]);
    tree.path_probabilities.push_back(candidate.path_probability);
    numbers[index] = static_cast<int32_t>(tree.token_ids.size());
  }
  return tree;
}

}  // namespace chimera
