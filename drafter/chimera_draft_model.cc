#include "drafter/chimera_draft_model.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/tree/token_tree.h"
#include "drafter/ngram_draft_model.h"
#include "drafter/ngram_index.h"
#include "drafter/proposal_outcome.h"

namespace chimera {
namespace {

class ChimeraDraftState : public DraftState {
 public:
  ChimeraDraftState(std::unique_ptr<DraftContext> draft_context,
                    const AcceptanceCalibration* calibration, const SamplingParams& sampling_params)
      : context(std::move(draft_context)),
        ngrams(NgramDraftModel::kContextWindow),
        candidates(calibration),
        sampling(sampling_params) {}

  const std::unique_ptr<DraftContext> context;
  NgramIndex ngrams;
  CandidateTree candidates;  // what was proposed last
  const SamplingParams sampling;
};

ChimeraDraftState* StateOf(const DraftInput& input) {
  return static_cast<ChimeraDraftState*>(input.state);
}

template <typename... Parts>
absl::Status Invalid(const DraftNetworkConfig& config, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("drafter \"", config.name, "\" ", parts...));
}

}  // namespace

absl::Status ChimeraDraftModel::CheckTarget(const DrafterFile& file, const LlamaModel& target) {
  const DraftNetworkConfig& config = file.config();
  if (config.target.identity != target.fingerprint().identity) {
    return Invalid(config, "was made for model ", config.target.identity, " (", config.target_name,
                   "), not for ", target.fingerprint().identity, " (", target.name(), ")");
  }
  if (config.hidden_size != target.config().hidden_size) {
    return Invalid(config, "has hidden_size ", config.hidden_size, ", the target ",
                   target.config().hidden_size);
  }
  if (config.tapped_layers.back() > target.config().layer_count) {
    return Invalid(config, "taps layer ", config.tapped_layers.back(), ", the target has ",
                   target.config().layer_count);
  }
  const int32_t last_token = file.weights().residual_head.vocabulary.back();
  if (last_token >= target.config().vocab_size) {
    return Invalid(config, "proposes token ", last_token, ", the target has ",
                   target.config().vocab_size);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ChimeraDraftModel>> ChimeraDraftModel::Create(
    const DrafterFile& file, std::shared_ptr<const LlamaModel> target, const Options& options) {
  CHIMERA_RETURN_IF_ERROR(CheckTarget(file, *target));
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<DraftNetwork> network,
                           options.make_network({.config = file.config(),
                                                 .weights = file.weights(),
                                                 .embedding = target->weights().token_embedding,
                                                 .position_limit = target->config().context_length +
                                                                   TokenTree::kMaxDepth + 1}));
  return absl::WrapUnique(
      new ChimeraDraftModel(file.config(), std::move(target), std::move(network), options));
}

ChimeraDraftModel::ChimeraDraftModel(const DraftNetworkConfig& config,
                                     std::shared_ptr<const LlamaModel> target,
                                     std::unique_ptr<DraftNetwork> network, const Options& options)
    : target_(std::move(target)),
      tree_shape_(options.tree_shape),
      clock_(options.clock),
      network_(std::move(network)),
      info_{.name = config.name,
            .tapped_layers = config.tapped_layers,
            .context_window = config.context_window,
            .max_nodes = TokenTree::kMaxNodes - 1,
            .target = config.target},
      grower_(network_.get(), tree_shape_, clock_.get()) {}

std::unique_ptr<DraftState> ChimeraDraftModel::NewState(int32_t start_position,
                                                        const SamplingParams& sampling) {
  return std::make_unique<ChimeraDraftState>(network_->NewContext(start_position), &calibration_,
                                             sampling);
}

absl::StatusOr<std::vector<ProposedTree>> ChimeraDraftModel::Draft(
    std::span<const DraftInput> inputs) {
  inputs_ = inputs;
  TakeNews();
  CHIMERA_RETURN_IF_ERROR(network_->EncodeContexts(contexts_));
  StartTrees();
  CHIMERA_RETURN_IF_ERROR(grower_.Grow(growths_));
  std::vector<ProposedTree> trees(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].node_budget > 0) trees[i] = StateOf(inputs[i])->candidates.Propose();
  }
  return trees;
}

void ChimeraDraftModel::TakeNews() {
  contexts_.clear();
  for (const DraftInput& input : inputs_) {
    ChimeraDraftState& state = *StateOf(input);
    SettleProposal(input.token_ids, &state.candidates, &calibration_);
    for (const int32_t token : input.token_ids) state.ngrams.Append(token);
    state.context->AddTokens(input.token_ids);
    state.context->AddStates(input.hidden_start_position, input.hidden_states);
    contexts_.push_back(state.context.get());
  }
}

CandidateTreeLimits ChimeraDraftModel::LimitsOf(const DraftInput& input) const {
  CandidateTreeLimits limits =
      MakeTreeLimits(input, !StateOf(input)->sampling.greedy(), kMinPathProbability);
  if (!tree_shape_.empty()) {
    limits.max_depth = std::min(limits.max_depth, static_cast<int32_t>(tree_shape_.size()));
    limits.min_path_probability = 0;
  }
  return limits;
}

void ChimeraDraftModel::StartTrees() {
  growths_.clear();
  for (const DraftInput& input : inputs_) {
    if (input.node_budget <= 0) continue;
    ChimeraDraftState& state = *StateOf(input);
    const CandidateTreeLimits limits = LimitsOf(input);
    state.candidates.Reset(limits);
    if (tree_shape_.empty()) {
      ngram_builder_.Build(state.ngrams,
                           {.max_nodes = limits.node_budget,
                            .max_depth = limits.max_depth,
                            .min_path_probability = NgramDraftModel::kMinClaim},
                           &ngrams_);
      state.candidates.AddTree(CandidateSource::kNgram, ngrams_);
    }
    if (!state.context->is_current()) continue;
    growths_.push_back({.candidates = &state.candidates,
                        .context = state.context.get(),
                        .sampling = &state.sampling,
                        .prices = input.prices});
  }
}

}  // namespace chimera
