// A draft model whose proposals tests know beforehand.

#ifndef CHIMERA_TESTS_DRAFTER_FAKE_DRAFT_MODEL_H_
#define CHIMERA_TESTS_DRAFTER_FAKE_DRAFT_MODEL_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "drafter/draft_model.h"

namespace chimera::testing {

// Proposes a chain that counts up from the newest token, so that a proposal shows what the model
// was told last.
class FakeDraftModel : public DraftModel {
 public:
  explicit FakeDraftModel(std::vector<int32_t> tapped_layers = {},
                          std::optional<Fingerprint> target = std::nullopt)
      : info_{.name = "fake",
              .tapped_layers = std::move(tapped_layers),
              .context_window = 32,
              .max_nodes = 8,
              .target = std::move(target)} {}

  const DraftModelInfo& info() const override { return info_; }

  std::unique_ptr<DraftState> NewState(int32_t, const SamplingParams&) override {
    return std::make_unique<State>();
  }

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    std::vector<ProposedTree> trees;
    for (const DraftInput& input : inputs) {
      State* const state = static_cast<State*>(input.state);
      if (!input.token_ids.empty()) state->newest = input.token_ids.back();
      trees.push_back(Chain(state->newest, std::min(input.node_budget, input.max_depth)));
    }
    return trees;
  }

 private:
  struct State : public DraftState {
    int32_t newest = -1;
  };

  static ProposedTree Chain(int32_t newest, int32_t length) {
    ProposedTree tree;
    for (int32_t i = 0; i < length; ++i) {
      tree.token_ids.push_back(newest + 1 + i);
      tree.parents.push_back(i);
      tree.path_probabilities.push_back(1.0f / static_cast<float>(i + 1));
      tree.sources.push_back(i == 0 ? CandidateSource::kNgram : CandidateSource::kNetwork);
    }
    return tree;
  }

  const DraftModelInfo info_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_DRAFTER_FAKE_DRAFT_MODEL_H_
