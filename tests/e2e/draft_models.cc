#include "tests/e2e/draft_models.h"

#include <algorithm>
#include <set>
#include <utility>

namespace chimera::testing {
std::unique_ptr<DraftState> TokenDraftModel::NewState(int32_t start_position,
                                                      const SamplingParams& sampling) {
  auto state = std::make_unique<TokenDraftState>();
  state->start_position = start_position;
  state->seed = sampling.seed;
  return state;
}

absl::StatusOr<std::vector<ProposedTree>> TokenDraftModel::Draft(
    std::span<const DraftInput> inputs) {
  std::vector<ProposedTree> trees;
  for (const DraftInput& input : inputs) {
    auto* const state = static_cast<TokenDraftState*>(input.state);
    state->tokens.insert(state->tokens.end(), input.token_ids.begin(), input.token_ids.end());
    trees.push_back(input.node_budget > 0 ? Propose(*state, input.node_budget, input.max_depth)
                                          : ProposedTree{});
  }
  return trees;
}

ProposedTree RandomTreeDraftModel::Propose(const TokenDraftState& state, int node_budget,
                                           int max_depth) {
  const std::vector<int32_t>& tokens = state.tokens;
  ProposedTree tree;
  std::vector<int> depths = {0};
  std::set<std::pair<int, int32_t>> used;
  while (static_cast<int>(tree.token_ids.size()) < node_budget) {
    const int parent = static_cast<int>(random_() % depths.size());
    if (depths[parent] == max_depth) continue;
    const int32_t token = random_() % 4 == 0 ? tokens[random_() % tokens.size()]
                                             : static_cast<int32_t>(random_() % vocab_size_);
    if (!used.emplace(parent, token).second) continue;
    tree.token_ids.push_back(token);
    tree.parents.push_back(parent);
    tree.path_probabilities.push_back(1.0f);
    tree.sources.push_back(CandidateSource::kNgram);
    depths.push_back(depths[parent] + 1);
  }
  return tree;
}

ProposedTree TrueContinuationDraftModel::Propose(const TokenDraftState& state, int node_budget,
                                                 int max_depth) {
  ProposedTree tree;
  const auto known = sequences_.find(state.seed);
  if (known == sequences_.end()) return tree;
  const std::vector<int32_t>& sequence = known->second;
  const size_t next_position = state.start_position + state.tokens.size();
  const auto add = [&tree](int32_t token, int parent) {
    tree.token_ids.push_back(token);
    tree.parents.push_back(parent);
    tree.path_probabilities.push_back(1.0f);
    tree.sources.push_back(CandidateSource::kNetwork);
    return static_cast<int>(tree.token_ids.size());
  };
  int parent = 0;
  for (int depth = 0; depth < max_depth && next_position + depth < sequence.size(); ++depth) {
    const int32_t right = sequence[next_position + depth];
    const int remaining = node_budget - static_cast<int>(tree.token_ids.size());
    if (remaining == 0) break;
    // A wrong sibling in front, where the rest of the chain still fits behind it.
    if (remaining > max_depth - depth) add((right + 1 + depth) % vocab_size_, parent);
    parent = add(right, parent);
  }
  return tree;
}

}  // namespace chimera::testing
