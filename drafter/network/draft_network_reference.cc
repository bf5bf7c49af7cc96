#include "drafter/network/draft_network_reference.h"

#include <algorithm>

#include "common/base/float16.h"
#include "common/cpu/attention_task.h"
#include "common/ops/reference_vectors.h"
#include "common/ops/rms_norm.h"
#include "common/ops/rope.h"
#include "common/ops/silu_mul.h"

namespace chimera {
namespace {

using Vector = std::vector<float>;

Vector Add(Vector x, const Vector& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  return x;
}

void Append(const Vector& y, Vector* x) { x->insert(x->end(), y.begin(), y.end()); }

// One sequence and one path behind it.
class Pass {
 public:
  Pass(const DraftNetworkConfig& config, const DraftWeights& weights, const TensorView& embedding,
       const DraftReferenceContext& context)
      : config_(config),
        weights_(weights),
        embedding_(embedding),
        context_(context),
        tokens_(context.tokens.begin(), context.tokens.end()),
        rope_(context.start_position + static_cast<int64_t>(tokens_.size()) + 64, config.head_dim,
              config.rope_base) {}

  std::vector<Vector> Run(std::span<const int32_t> path) {
    const int64_t last = context_.start_position + static_cast<int64_t>(tokens_.size()) - 1;
    Vector features, encoding;
    for (int64_t position = context_.first_row; position < last; ++position) {
      features = Fuse(position);
      ++true_rows_;
      encoding = Encode(position, MixInputs(position, features));
    }
    const Vector residuals = LinearReference(weights_.residual_head.weight, features);
    std::vector<Vector> logits;
    for (int head = 0; head < config_.depth_heads; ++head) {
      logits.push_back(Score(encoding, residuals, head));
    }
    for (size_t i = 0; i < path.size(); ++i) {
      const int64_t position = last + static_cast<int64_t>(i);
      tokens_.push_back(path[i]);
      encoding = Encode(position, MixInputs(position, encoding));
      logits.push_back(Score(encoding, residuals, 0));
    }
    return logits;
  }

 private:
  Vector Norm(const TensorView& weight, const Vector& x, int64_t row = 0) const {
    Vector scale(x.size());
    Dequantize(weight.type, weight.row(row), scale);
    Vector y(x.size());
    RmsNormReference(x, scale, config_.rms_norm_epsilon, y);
    return y;
  }

  Vector Fuse(int64_t position) const {
    const int64_t taps = static_cast<int64_t>(config_.tapped_layers.size());
    Vector input;
    for (int64_t tap = 0; tap < taps; ++tap) {
      Vector state;
      const int64_t at = ((position - context_.first_row) * taps + tap) * config_.hidden_size;
      for (const uint16_t value : context_.states.subspan(at, config_.hidden_size)) {
        state.push_back(Bf16ToFloat(value));
      }
      Append(Norm(weights_.feature_fusion.norms, state, tap), &input);
    }
    return LinearReference(weights_.feature_fusion.weight, input);
  }

  Vector EncodeTrigram(int64_t position) const {
    Vector input;
    for (int64_t i = config_.trigram_order - 1; i >= 0; --i) {
      Vector row(config_.hidden_size);
      const int64_t at = position - i - context_.start_position;
      if (at >= 0) {
        Dequantize(embedding_.type, embedding_.row(tokens_[at]), row);
        RmsNormReference(row, Vector(row.size(), 1.0f), config_.rms_norm_epsilon, row);
      }
      Append(row, &input);
    }
    Vector hidden = LinearReference(weights_.trigram_encoder.w1, input);
    SiluMulReference(hidden, Vector(hidden.size(), 1.0f), hidden);
    return LinearReference(weights_.trigram_encoder.w2, hidden);
  }

  // z of the row at `position`.
  Vector MixInputs(int64_t position, const Vector& features) const {
    Vector input = Norm(weights_.context_encoder.token_norm, EncodeTrigram(position + 1));
    Append(Norm(weights_.context_encoder.feature_norm, features), &input);
    return LinearReference(weights_.context_encoder.input, input);
  }

  Vector Attend(int64_t position, const Vector& normed) {
    const ContextEncoderWeights& weights = weights_.context_encoder;
    Vector query = LinearReference(weights.query, normed);
    Vector key = LinearReference(weights.key, normed);
    RopeReference(rope_, position, query);
    RopeReference(rope_, position, key);
    keys_.push_back(ToHalfReference(key));
    values_.push_back(ToHalfReference(LinearReference(weights.value, normed)));
    // The window slides by pages, and with true rows, not with drafted ones.
    const int64_t pages = (true_rows_ + kKvPagePositions - 1) / kKvPagePositions;
    const int64_t limit = (config_.context_window + kKvPagePositions - 1) / kKvPagePositions + 1;
    const size_t begin = std::max<int64_t>(pages - limit, 0) * kKvPagePositions;

    const Vector heads = GroupedAttentionReference(
        {config_.query_head_count, config_.kv_head_count, config_.head_dim}, query,
        std::span(keys_).subspan(begin), std::span(values_).subspan(begin));
    return LinearReference(weights.attention_output, heads);
  }

  Vector Encode(int64_t position, const Vector& z) {
    const ContextEncoderWeights& weights = weights_.context_encoder;
    const Vector hidden = Add(Attend(position, Norm(weights.attention_norm, z)), z);
    const Vector normed = Norm(weights.ffn_norm, hidden);
    Vector gated = LinearReference(weights.ffn_gate, normed);
    SiluMulReference(gated, LinearReference(weights.ffn_up, normed), gated);
    return Add(hidden, LinearReference(weights.ffn_down, gated));
  }

  Vector Score(const Vector& encoding, const Vector& residuals, int head) const {
    const int64_t size = config_.hidden_size;
    const Vector residual(residuals.begin() + head * size, residuals.begin() + (head + 1) * size);
    return LinearReference(weights_.residual_head.embedding,
                           Norm(weights_.residual_head.norm, Add(encoding, residual)));
  }

  const DraftNetworkConfig& config_;
  const DraftWeights& weights_;
  const TensorView embedding_;
  const DraftReferenceContext& context_;
  std::vector<int32_t> tokens_;
  const RopeTable rope_;
  int64_t true_rows_ = 0;
  std::vector<std::vector<uint16_t>> keys_;    // [n_rows][kv_size], true rows and then drafted ones
  std::vector<std::vector<uint16_t>> values_;  // likewise
};

}  // namespace

std::vector<std::vector<float>> DraftNetworkReference(const DraftNetworkConfig& config,
                                                      const DraftWeights& weights,
                                                      const TensorView& embedding,
                                                      const DraftReferenceContext& context,
                                                      std::span<const int32_t> path) {
  return Pass(config, weights, embedding, context).Run(path);
}

}  // namespace chimera
