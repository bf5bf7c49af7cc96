#include "drafter/ngram_draft_model.h"

#include <algorithm>

#include "common/tree/token_tree.h"

namespace chimera {
namespace {

class NgramDraftState : public DraftState {
 public:
  NgramDraftState() : index(NgramDraftModel::kContextWindow) {}

  NgramIndex index;
};

}  // namespace

NgramDraftModel::NgramDraftModel()
    : info_{.name = "ngram",
            .tapped_layers = {},
            .context_window = kContextWindow,
            .max_nodes = TokenTree::kMaxNodes - 1} {}

std::unique_ptr<DraftState> NgramDraftModel::NewState(int32_t, const SamplingParams&) {
  return std::make_unique<NgramDraftState>();
}

std::vector<ProposedTree> NgramDraftModel::Draft(std::span<const DraftInput> inputs) {
  std::vector<ProposedTree> trees;
  trees.reserve(inputs.size());
  for (const DraftInput& input : inputs) {
    NgramIndex& index = static_cast<NgramDraftState*>(input.state)->index;
    for (const int32_t token : input.token_ids) index.Append(token);
    trees.push_back(
        builder_.Build(index, {.max_nodes = std::min(input.node_budget, info_.max_nodes),
                               .max_depth = std::min(input.max_depth, TokenTree::kMaxDepth),
                               .min_path_probability = kMinPathProbability}));
  }
  return trees;
}

}  // namespace chimera
