#include "drafter/candidate_tree.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/tree/token_tree.h"
#include "drafter/growth_policy.h"

namespace chimera {

CandidateTreeLimits MakeTreeLimits(const DraftInput& input, bool sampled,
                                   float min_path_probability) {
  return {
      .node_budget = std::min(input.node_budget, TokenTree::kMaxNodes - 1),
      .max_depth = std::min(input.max_depth, TokenTree::kMaxDepth),
      .min_path_probability = GrowthPolicy::MinPathProbability(input.prices, min_path_probability),
      .sampled = sampled};
}

void CandidateTree::Reset(const CandidateTreeLimits& limits) {
  limits_ = limits;
  candidates_.clear();
  first_child_ = -1;
}

int32_t CandidateTree::FindChild(int32_t parent, int32_t token) const {
  int32_t child = first_child(parent);
  while (child >= 0 && candidates_[child].token != token) child = candidates_[child].next_sibling;
  return child;
}

float CandidateTree::BestChildProbability(int32_t parent) const {
  float best = 0;
  for (int32_t child = first_child(parent); child >= 0; child = candidates_[child].next_sibling) {
    best = std::max(best, candidates_[child].probability);
  }
  return best;
}

float CandidateTree::Calibrated(CandidateSource source, int32_t depth, float claim) const {
  return calibration_.Calibrated({.source = source, .depth = depth, .sampled = limits_.sampled},
                                 claim);
}

int32_t CandidateTree::FindOrAddChild(int32_t parent, int32_t token) {
  const int32_t found = FindChild(parent, token);
  if (found >= 0) return found;
  const int32_t index = size();
  int32_t& first = parent < 0 ? first_child_ : candidates_[parent].first_child;
  const int32_t next = first;
  first = index;
  candidates_.push_back(
      {.token = token, .parent = parent, .depth = depth(parent) + 1, .next_sibling = next});
  return index;
}

void CandidateTree::AddClaim(int32_t index, CandidateSource source, float claim,
                             float probability) {
  Candidate& candidate = candidates_[index];
  const bool is_new = std::ranges::all_of(candidate.claims, [](float other) { return other < 0; });
  candidate.claims[static_cast<size_t>(source)] = claim;
  if (!is_new && probability <= candidate.probability) return;
  candidate.source = source;
  candidate.probability = probability;
  UpdatePaths(index);
}

void CandidateTree::UpdatePaths(int32_t index) {
  Candidate& candidate = candidates_[index];
  const float above = candidate.parent < 0 ? 1.0f : candidates_[candidate.parent].path_probability;
  candidate.path_probability = above * candidate.probability;
  for (int32_t child = candidate.first_child; child >= 0; child = candidates_[child].next_sibling) {
    UpdatePaths(child);
  }
}

float CandidateTree::AddChildren(int32_t parent, CandidateSource source,
                                 std::span<const TokenCandidate> children) {
  const int32_t child_depth = depth(parent) + 1;
  if (child_depth > limits_.max_depth) return 0;
  float best = 0;
  for (const TokenCandidate& child : children) {
    // Numbers that overflowed make no candidate.
    if (!(child.probability >= 0)) continue;
    const float claim = std::min(child.probability, 1.0f);
    const float probability = Calibrated(source, child_depth, claim);
    AddClaim(FindOrAddChild(parent, child.token), source, claim, probability);
    best = std::max(best, probability);
  }
  return best;
}

void CandidateTree::AddTree(CandidateSource source, const ProposedTree& tree) {
  indices_.assign(1, -1);
  for (size_t i = 0; i < tree.token_ids.size(); ++i) {
    const int32_t parent = tree.parents[i];
    const float above = parent == 0 ? 1.0f : tree.path_probabilities[parent - 1];
    const float claim = above > 0 ? std::min(tree.path_probabilities[i] / above, 1.0f) : 0.0f;
    const int32_t index = FindOrAddChild(indices_[parent], tree.token_ids[i]);
    CHIMERA_CHECK(depth(index) <= limits_.max_depth);
    AddClaim(index, source, claim, Calibrated(source, depth(index), claim));
    indices_.push_back(index);
  }
}

std::span<const int32_t> CandidateTree::Best() {
  order_.clear();
  for (int32_t i = 0; i < size(); ++i) {
    if (candidates_[i].path_probability >= limits_.min_path_probability) order_.push_back(i);
  }
  const size_t count =
      std::min(order_.size(), static_cast<size_t>(std::max(limits_.node_budget, 0)));
  // Candidates that were added first go first among equals, and so parents before children.
  std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count),
                    order_.end(), [this](int32_t a, int32_t b) {
                      const float left = candidates_[a].path_probability;
                      const float right = candidates_[b].path_probability;
                      return left > right || (left == right && a < b);
                    });
  return std::span(order_).first(count);
}

void CandidateTree::BestToExtend(int32_t count, float min_path_probability,
                                 std::vector<int32_t>* chosen) {
  chosen->clear();
  for (const int32_t index : Best()) {
    const Candidate& candidate = candidates_[index];
    if (static_cast<int32_t>(chosen->size()) == count) return;
    if (candidate.path_probability < min_path_probability) return;
    const bool follows = candidate.parent < 0 || candidates_[candidate.parent].node >= 0;
    if (follows && candidate.node < 0 && candidate.depth < limits_.max_depth) {
      chosen->push_back(index);
    }
  }
}

ProposedTree CandidateTree::Propose() {
  const std::span<const int32_t> best = Best();
  ProposedTree tree;
  tree.token_ids.reserve(best.size());
  tree.parents.reserve(best.size());
  tree.path_probabilities.reserve(best.size());
  tree.sources.reserve(best.size());
  indices_.resize(candidates_.size());
  for (const int32_t index : best) {
    const Candidate& candidate = candidates_[index];
    tree.token_ids.push_back(candidate.token);
    tree.parents.push_back(candidate.parent < 0 ? 0 : indices_[candidate.parent]);
    tree.path_probabilities.push_back(candidate.path_probability);
    tree.sources.push_back(candidate.source);
    indices_[index] = static_cast<int32_t>(tree.token_ids.size());
  }
  return tree;
}

}  // namespace chimera
