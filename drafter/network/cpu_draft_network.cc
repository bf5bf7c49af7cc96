#include "drafter/network/cpu_draft_network.h"

#include <algorithm>

#include "common/base/check.h"

namespace chimera {

DraftNetworkFactory CpuDraftNetwork::Factory(const Options& options) {
  return [options](const DraftNetworkModel& model) {
    return std::make_unique<CpuDraftNetwork>(model, options);
  };
}

CpuDraftNetwork::CpuDraftNetwork(const DraftNetworkModel& model, const Options& options)
    : config_(model.config),
      threads_(options.threads),
      products_(GetCpuKernels(options.isa), threads_.get()),
      trigram_encoder_(config_, model.weights.trigram_encoder, model.embedding, &arena_,
                       &products_),
      feature_fusion_(config_, model.weights.feature_fusion, &arena_, &products_),
      context_encoder_(config_, model.weights.context_encoder, model.position_limit, &arena_,
                       &products_),
      residual_head_(config_, model.weights.residual_head, &arena_, &products_) {}

std::unique_ptr<DraftContext> CpuDraftNetwork::NewContext(int64_t start_position) {
  return std::make_unique<CpuDraftContext>(config_, start_position);
}

absl::Status CpuDraftNetwork::EncodeContexts(std::span<DraftContext* const> contexts) {
  std::vector<ContextPart> parts;
  for (DraftContext* context : contexts) {
    const auto [begin, end, continue_window] = context->ready_rows();
    if (begin == end) continue;
    auto* const own = static_cast<CpuDraftContext*>(context);
    if (!continue_window) own->window.Restart(begin);
    own->window.Append(end - begin);
    parts.push_back({own, begin, end});
  }
  if (parts.empty()) return absl::OkStatus();
  trigrams_.clear();
  states_.clear();
  context_rows_.clear();
  for (const ContextPart& part : parts) {
    for (int64_t position = part.begin; position < part.end; ++position) {
      trigrams_.push_back(part.context->TrigramAt(position + 1));
      states_.push_back(part.context->StateAt(position));
      context_rows_.push_back({&part.context->window, position});
    }
  }
  const int64_t count = static_cast<int64_t>(context_rows_.size());
  const int64_t size = config_.hidden_size;
  trigram_encoder_.Encode(trigrams_, GrowTo(count * size, &trigram_outputs_));
  feature_fusion_.Fuse(states_, GrowTo(count * size, &features_));
  context_encoder_.MixInputs(count, trigram_outputs_.data(), features_.data(),
                             GrowTo(count * size, &z_));
  context_encoder_.StoreContext(context_rows_, z_.data());

  // Only the newest row of a context is needed further.
  const int64_t residual_size = config_.depth_heads * size;
  float* const newest = GrowTo(static_cast<int64_t>(parts.size()) * size, &newest_features_);
  int64_t row = -1;
  for (size_t i = 0; i < parts.size(); ++i) {
    const ContextPart& part = parts[i];
    row += part.end - part.begin;
    std::copy_n(&features_[row * size], size, newest + i * size);
    part.context->z.assign(&z_[row * size], &z_[row * size] + size);
    part.context->MarkEncoded(part.end);
  }
  float* const residuals =
      GrowTo(static_cast<int64_t>(parts.size()) * residual_size, &newest_residuals_);
  residual_head_.ProjectFeatures(static_cast<int64_t>(parts.size()), newest, residuals);
  for (size_t i = 0; i < parts.size(); ++i) {
    const float* const residual = residuals + i * residual_size;
    parts[i].context->residuals.assign(residual, residual + residual_size);
  }
  return absl::OkStatus();
}

absl::StatusOr<DraftLogits> CpuDraftNetwork::StartTrees(std::span<DraftContext* const> contexts) {
  const int64_t count = static_cast<int64_t>(contexts.size());
  const int64_t size = config_.hidden_size;
  trees_.Start(contexts);
  context_encoder_.ClearDrafted();
  encoder_rows_.clear();
  float* const z = GrowTo(count * size, &z_);
  for (int64_t i = 0; i < count; ++i) {
    const CpuDraftContext& context = trees_.context(i);
    encoder_rows_.push_back({.window = &context.window, .position = context.window.end() - 1});
    std::copy_n(context.z.data(), size, z + i * size);
  }
  context_encoder_.Encode(encoder_rows_, z, GrowTo(count * size, &root_encodings_));

  // One row per tree and head, of which only the residual differs between heads.
  const int64_t heads = config_.depth_heads;
  residuals_.clear();
  float* const encodings = GrowTo(count * heads * size, &features_);
  for (int64_t i = 0; i < count * heads; ++i) {
    residuals_.push_back(&trees_.context(i / heads).residuals[i % heads * size]);
    std::copy_n(&root_encodings_[i / heads * size], size, encodings + i * size);
  }
  float* const logits = GrowTo(count * heads * config_.draft_vocab_size, &logits_);
  residual_head_.Score(encodings, residuals_, logits);
  return LogitsOf(logits);
}

absl::StatusOr<DraftLogits> CpuDraftNetwork::ExtendTrees(std::span<const DraftNode> nodes) {
  CHIMERA_CHECK(config_.depth_heads == 1);
  const int64_t count = static_cast<int64_t>(nodes.size());
  const int64_t size = config_.hidden_size;
  const int64_t first = trees_.Extend(nodes);
  trigrams_.clear();
  encoder_rows_.clear();
  residuals_.clear();
  // Where the target's features would be, the encoder's own output of the parent stands in.
  float* const features = GrowTo(count * size, &features_);
  for (int64_t i = 0; i < count; ++i) {
    const DraftNode& node = nodes[i];
    const CpuDraftContext& context = trees_.context(node.tree);
    trigrams_.push_back(trees_.TrigramOf(first + i));
    const float* const encoding =
        node.parent < 0 ? &root_encodings_[node.tree * size] : &node_encodings_[node.parent * size];
    std::copy_n(encoding, size, features + i * size);
    residuals_.push_back(context.residuals.data());
    encoder_rows_.push_back({.window = &context.window,
                             .position = trees_.PositionOf(first + i),
                             .drafted = static_cast<int32_t>(first + i),
                             .parent = node.parent});
  }
  trigram_encoder_.Encode(trigrams_, GrowTo(count * size, &trigram_outputs_));
  context_encoder_.MixInputs(count, trigram_outputs_.data(), features, GrowTo(count * size, &z_));
  float* const encodings = GrowTo((first + count) * size, &node_encodings_) + first * size;
  context_encoder_.Encode(encoder_rows_, z_.data(), encodings);
  float* const logits = GrowTo(count * config_.draft_vocab_size, &logits_);
  residual_head_.Score(encodings, residuals_, logits);
  return LogitsOf(logits);
}

}  // namespace chimera
