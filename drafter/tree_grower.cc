#include "drafter/tree_grower.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "common/base/status_macros.h"

namespace chimera {

TreeGrower::TreeGrower(DraftNetwork* network, TreeShape shape, const Clock* clock)
    : network_(*network), shape_(std::move(shape)), policy_(clock) {}

absl::Status TreeGrower::Grow(std::span<const TreeGrowth> trees) {
  if (trees.empty()) return absl::OkStatus();
  trees_ = trees;
  contexts_.clear();
  for (const TreeGrowth& tree : trees) contexts_.push_back(tree.context);
  CHIMERA_ASSIGN_OR_RETURN(const DraftLogits logits, network_.StartTrees(contexts_));
  if (network_.config().depth_heads > 1) {
    AddDepthHeads(logits);
    return absl::OkStatus();
  }
  AddFirstLevel(logits);
  node_count_ = 0;
  while (ChooseLevel()) CHIMERA_RETURN_IF_ERROR(AddLevel());
  return absl::OkStatus();
}

void TreeGrower::SelectChildren(const TreeGrowth& tree, int32_t depth,
                                std::span<const float> logits) {
  const int32_t count = shape_.empty() ? kMaxChildren : shape_[depth];
  selector_.Select(logits, network_.vocabulary(), *tree.sampling,
                   tree.context->last_position() + 1 + depth, count, &children_);
}

void TreeGrower::AddDepthHeads(const DraftLogits& logits) {
  int64_t row = 0;
  for (const TreeGrowth& tree : trees_) {
    CandidateTree& candidates = *tree.candidates;
    chosen_.assign(1, -1);
    for (int32_t depth = 0; depth < network_.config().depth_heads; ++depth, ++row) {
      if (chosen_.empty()) continue;
      SelectChildren(tree, depth, logits.row(row));
      for (const int32_t parent : chosen_) {
        candidates.AddChildren(parent, CandidateSource::kNetwork, children_);
      }
      candidates.BestToExtend(std::numeric_limits<int32_t>::max(), 0, &chosen_);
      // A head foretells the tokens of its own depth only.
      std::erase_if(chosen_, [&](int32_t i) { return candidates.candidate(i).depth != depth + 1; });
      if (std::ssize(chosen_) > max_beams()) chosen_.resize(max_beams());
      for (const int32_t index : chosen_) candidates.candidate(index).node = 0;
    }
  }
}

void TreeGrower::AddFirstLevel(const DraftLogits& logits) {
  int64_t row = 0;
  for (const TreeGrowth& tree : trees_) {
    SelectChildren(tree, 0, logits.row(row++));
    tree.candidates->AddChildren(-1, CandidateSource::kNetwork, children_);
  }
}

float TreeGrower::ChooseExtensions(size_t tree) {
  const auto& [candidates, context, sampling, prices] = trees_[tree];
  const bool weighed = is_weighed(trees_[tree]);
  const float min_probability = weighed || !shape_.empty() ? 0 : kMinExtendProbability;
  candidates->BestToExtend(max_beams(), min_probability, &chosen_);
  float saved = 0;
  for (const int32_t index : chosen_) {
    if (weighed) {
      const CandidateTree::Candidate& candidate = candidates->candidate(index);
      const float gain =
          policy_.SecondsSaved(prices, candidate.depth + 1, candidate.path_probability,
                               candidates->BestChildProbability(index));
      if (gain == 0) continue;
      saved += gain;
    }
    extensions_.push_back({tree, index});
  }
  return saved;
}

bool TreeGrower::ChooseLevel() {
  extensions_.clear();
  double saved = 0;
  bool is_certain = false;
  for (size_t i = 0; i < trees_.size(); ++i) {
    const size_t count = extensions_.size();
    saved += ChooseExtensions(i);
    is_certain |= extensions_.size() > count && !is_weighed(trees_[i]);
  }
  if (extensions_.empty()) return false;
  return is_certain || policy_.Pays(static_cast<int32_t>(extensions_.size()), saved);
}

absl::Status TreeGrower::AddLevel() {
  nodes_.clear();
  for (const auto& [tree, index] : extensions_) {
    CandidateTree& candidates = *trees_[tree].candidates;
    CandidateTree::Candidate& candidate = candidates.candidate(index);
    candidate.node = node_count_++;
    const int32_t parent = candidate.parent < 0 ? -1 : candidates.candidate(candidate.parent).node;
    nodes_.push_back({static_cast<int32_t>(tree), parent, candidate.token});
  }
  policy_.StartLevel();
  CHIMERA_ASSIGN_OR_RETURN(const DraftLogits logits, network_.ExtendTrees(nodes_));
  int64_t row = 0;
  for (const auto& [tree, index] : extensions_) {
    CandidateTree& candidates = *trees_[tree].candidates;
    const int32_t depth = candidates.candidate(index).depth;
    SelectChildren(trees_[tree], depth, logits.row(row++));
    const float best = candidates.AddChildren(index, CandidateSource::kNetwork, children_);
    policy_.RecordBestChild(depth + 1, best);
  }
  policy_.EndLevel(static_cast<int32_t>(nodes_.size()));
  return absl::OkStatus();
}

}  // namespace chimera
