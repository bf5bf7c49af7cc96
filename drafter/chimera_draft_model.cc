#include "drafter/chimera_draft_model.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

class ChimeraDraftState : public DraftState {
 public:
  ChimeraDraftState(const DraftNetworkConfig& config, int32_t start_position,
                    const SamplingParams& sampling_params)
      : context(config, start_position), sampling(sampling_params) {}

  DraftContext context;
  const SamplingParams sampling;
};

ChimeraDraftState* StateOf(const DraftInput& input) {
  return static_cast<ChimeraDraftState*>(input.state);
}

template <typename... Parts>
absl::Status Invalid(const DraftNetworkConfig& config, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("drafter \"", config.name, "\" ", parts...));
}

absl::Status CheckTarget(const DrafterFile& file, const LlamaModel& target) {
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

}  // namespace

absl::StatusOr<std::unique_ptr<ChimeraDraftModel>> ChimeraDraftModel::Create(
    const DrafterFile& file, std::shared_ptr<const LlamaModel> target, const Options& options) {
  if (const absl::Status fits = CheckTarget(file, *target); !fits.ok()) return fits;
  return absl::WrapUnique(new ChimeraDraftModel(file, std::move(target), options));
}

ChimeraDraftModel::ChimeraDraftModel(const DrafterFile& file,
                                     std::shared_ptr<const LlamaModel> target,
                                     const Options& options)
    : target_(std::move(target)),
      network_(file.config(), file.weights(), target_->weights().token_embedding,
               {.isa = options.isa,
                .thread_count = options.thread_count,
                .position_limit = target_->config().context_length + TokenTree::kMaxDepth + 1}),
      info_{.name = file.config().name,
            .tapped_layers = file.config().tapped_layers,
            .context_window = file.config().context_window,
            .max_nodes = TokenTree::kMaxNodes - 1} {}

std::unique_ptr<DraftState> ChimeraDraftModel::NewState(int32_t start_position,
                                                        const SamplingParams& sampling) {
  return std::make_unique<ChimeraDraftState>(network_.config(), start_position, sampling);
}

std::vector<ProposedTree> ChimeraDraftModel::Draft(std::span<const DraftInput> inputs) {
  inputs_ = inputs;
  contexts_.clear();
  for (const DraftInput& input : inputs) {
    DraftContext& context = StateOf(input)->context;
    context.AddTokens(input.token_ids);
    context.AddStates(input.hidden_start_position, input.hidden_states);
    contexts_.push_back(&context);
  }
  network_.EncodeContexts(contexts_);
  StartGrowths(inputs);
  std::vector<ProposedTree> trees(inputs.size());
  if (growths_.empty()) return trees;
  const float* const logits = network_.StartTrees(contexts_);
  if (network_.config().depth_heads > 1) {
    AddDepthHeads(logits);
  } else {
    const int64_t row_size = network_.config().draft_vocab_size;
    for (size_t i = 0; i < growths_.size(); ++i) {
      SelectChildren(growths_[i], 0, logits + static_cast<int64_t>(i) * row_size);
      growths_[i].candidates.AddChildren(-1, children_);
    }
    int32_t node_count = 0;
    while (ExtendGrowths(&node_count)) {
    }
  }
  for (const Growth& growth : growths_) trees[growth.input] = growth.candidates.Propose();
  return trees;
}

void ChimeraDraftModel::StartGrowths(std::span<const DraftInput> inputs) {
  growths_.clear();
  contexts_.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    DraftContext& context = StateOf(inputs[i])->context;
    if (inputs[i].node_budget <= 0 || !context.is_current()) continue;
    growths_.push_back({.input = i, .candidates = {}});
    growths_.back().candidates.Reset(
        {.node_budget = std::min(inputs[i].node_budget, info_.max_nodes),
         .max_depth = std::min(inputs[i].max_depth, TokenTree::kMaxDepth),
         .min_path_probability = kMinPathProbability});
    contexts_.push_back(&context);
  }
}

void ChimeraDraftModel::SelectChildren(const Growth& growth, int32_t depth, const float* logits) {
  const ChimeraDraftState& state = *StateOf(inputs_[growth.input]);
  selector_.Select(std::span(logits, network_.config().draft_vocab_size), network_.vocabulary(),
                   state.sampling, state.context.last_position() + 1 + depth, kMaxChildren,
                   &children_);
}

void ChimeraDraftModel::AddDepthHeads(const float* logits) {
  const int64_t row_size = network_.config().draft_vocab_size;
  for (Growth& growth : growths_) {
    std::vector<int32_t> level = {-1};
    for (int32_t depth = 0; depth < network_.config().depth_heads; ++depth, logits += row_size) {
      SelectChildren(growth, depth, logits);
      for (const int32_t parent : level) growth.candidates.AddChildren(parent, children_);
      level = growth.candidates.BestToExtend(kMaxBeams, kMinPathProbability);
      for (const int32_t index : level) growth.candidates.candidate(index).node = 0;
    }
  }
}

bool ChimeraDraftModel::ExtendGrowths(int32_t* node_count) {
  extensions_.clear();
  nodes_.clear();
  for (size_t i = 0; i < growths_.size(); ++i) {
    CandidateTree& candidates = growths_[i].candidates;
    for (const int32_t index : candidates.BestToExtend(kMaxBeams, kMinExtendProbability)) {
      CandidateTree::Candidate& candidate = candidates.candidate(index);
      candidate.node = (*node_count)++;
      const int32_t parent =
          candidate.parent < 0 ? -1 : candidates.candidate(candidate.parent).node;
      nodes_.push_back({static_cast<int32_t>(i), parent, candidate.token});
      extensions_.push_back({i, index});
    }
  }
  if (extensions_.empty()) return false;
  const float* logits = network_.ExtendTrees(nodes_);
  for (const Extension& extension : extensions_) {
    Growth& growth = growths_[extension.growth];
    SelectChildren(growth, growth.candidates.candidate(extension.candidate).depth, logits);
    growth.candidates.AddChildren(extension.candidate, children_);
    logits += network_.config().draft_vocab_size;
  }
  return true;
}

}  // namespace chimera
