#include "drafter/ngram_tree_builder.h"

#include <algorithm>
#include <tuple>

namespace chimera {

bool NgramTreeBuilder::IsWorse(const Candidate& a, const Candidate& b) {
  return std::tuple(a.path_probability, -a.order) < std::tuple(b.path_probability, -b.order);
}

NgramTreeBuilder::Counts NgramTreeBuilder::CountByLength(
    std::span<const Continuation> continuations) {
  Counts counts = {};
  for (const Continuation& continuation : continuations) ++counts[continuation.match.length - 1];
  for (int n = kMaxLength - 1; n > 0; --n) counts[n - 1] += counts[n];
  return counts;
}

float NgramTreeBuilder::Probability(const Counts& with_token, const Counts& all) {
  float probability = 0;
  for (int n = 0; n < kMaxLength && all[n] > 0; ++n) {
    probability = (static_cast<float>(with_token[n]) + kBlend[n] * probability) /
                  (static_cast<float>(all[n]) + kBlend[n]);
  }
  return probability;
}

void NgramTreeBuilder::AddCandidate(const Node& parent, std::span<const Continuation> continuations,
                                    float path_probability) {
  heap_.push_back({.path_probability = path_probability,
                   .order = candidate_count_++,
                   .parent = parent.number,
                   .token = continuations.front().token,
                   .depth = parent.depth + 1,
                   .first_match = static_cast<int32_t>(matches_.size()),
                   .match_count = static_cast<int32_t>(continuations.size())});
  std::push_heap(heap_.begin(), heap_.end(), IsWorse);
  for (const auto& [token, rank, match] : continuations) {
    matches_.push_back({.next = match.next + 1, .length = std::min(match.length + 1, kMaxLength)});
  }
}

void NgramTreeBuilder::Expand(const NgramIndex& index, const Node& node) {
  continuations_.clear();
  for (const Match& match : node.matches) {
    if (match.next == index.size()) continue;  // nobody knows yet what comes there
    const int32_t rank = static_cast<int32_t>(continuations_.size());
    continuations_.push_back({.token = index.token(match.next), .rank = rank, .match = match});
  }
  const Counts all = CountByLength(continuations_);
  std::sort(continuations_.begin(), continuations_.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.token, a.rank) < std::tuple(b.token, b.rank);
  });
  groups_.clear();
  for (size_t begin = 0, end = 0; begin < continuations_.size(); begin = end) {
    while (end < continuations_.size() &&
           continuations_[end].token == continuations_[begin].token) {
      ++end;
    }
    groups_.push_back(std::span(continuations_).subspan(begin, end - begin));
  }
  std::sort(groups_.begin(), groups_.end(),
            [](const auto& a, const auto& b) { return a.front().rank < b.front().rank; });
  for (const std::span<const Continuation> group : groups_) {
    const float path_probability = node.path_probability * Probability(CountByLength(group), all);
    if (path_probability >= min_path_probability_) AddCandidate(node, group, path_probability);
  }
}

NgramTreeBuilder::Candidate NgramTreeBuilder::PopBest() {
  std::pop_heap(heap_.begin(), heap_.end(), IsWorse);
  const Candidate best = heap_.back();
  heap_.pop_back();
  return best;
}

void NgramTreeBuilder::Build(const NgramIndex& index, const NgramTreeLimits& limits,
                             ProposedTree* tree) {
  tree->token_ids.clear();
  tree->parents.clear();
  tree->path_probabilities.clear();
  tree->sources.clear();
  if (limits.max_nodes <= 0 || limits.max_depth <= 0) return;
  min_path_probability_ = limits.min_path_probability;
  matches_.clear();
  heap_.clear();
  candidate_count_ = 0;
  index.FindMatches(&root_matches_);
  Expand(index, {.matches = root_matches_});
  while (!heap_.empty()) {
    const Candidate best = PopBest();
    tree->token_ids.push_back(best.token);
    tree->parents.push_back(best.parent);
    tree->path_probabilities.push_back(best.path_probability);
    tree->sources.push_back(CandidateSource::kNgram);
    const int32_t number = static_cast<int32_t>(tree->token_ids.size());
    if (number == limits.max_nodes) break;
    if (best.depth == limits.max_depth) continue;
    Expand(index, {.number = number,
                   .depth = best.depth,
                   .path_probability = best.path_probability,
                   .matches = std::span(matches_).subspan(best.first_match, best.match_count)});
  }
}

}  // namespace chimera
