#include "drafter/ngram_draft_model.h"

#include "common/tree/token_tree.h"
#include "drafter/candidate_tree.h"
#include "drafter/proposal_outcome.h"

namespace chimera {
namespace {

class NgramDraftState : public DraftState {
 public:
  NgramDraftState(const AcceptanceCalibration* calibration, bool is_sampled)
      : index(NgramDraftModel::kContextWindow), candidates(calibration), sampled(is_sampled) {}

  NgramIndex index;
  CandidateTree candidates;  // what was proposed last
  const bool sampled;
};

}  // namespace

NgramDraftModel::NgramDraftModel()
    : info_{.name = "ngram",
            .tapped_layers = {},
            .context_window = kContextWindow,
            .max_nodes = TokenTree::kMaxNodes - 1} {}

std::unique_ptr<DraftState> NgramDraftModel::NewState(int32_t, const SamplingParams& sampling) {
  return std::make_unique<NgramDraftState>(&calibration_, !sampling.greedy());
}

absl::StatusOr<std::vector<ProposedTree>> NgramDraftModel::Draft(
    std::span<const DraftInput> inputs) {
  std::vector<ProposedTree> trees(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const DraftInput& input = inputs[i];
    NgramDraftState& state = *static_cast<NgramDraftState*>(input.state);
    SettleProposal(input.token_ids, &state.candidates, &calibration_);
    for (const int32_t token : input.token_ids) state.index.Append(token);
    if (input.node_budget <= 0) continue;
    const CandidateTreeLimits limits = MakeTreeLimits(input, state.sampled, kMinPathProbability);
    builder_.Build(state.index,
                   {.max_nodes = limits.node_budget,
                    .max_depth = limits.max_depth,
                    .min_path_probability = kMinClaim},
                   &claimed_);
    state.candidates.Reset(limits);
    state.candidates.AddTree(CandidateSource::kNgram, claimed_);
    trees[i] = state.candidates.Propose();
  }
  return trees;
}

}  // namespace chimera
