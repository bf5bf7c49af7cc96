#include "common/ops/llama_forward_reference.h"

#include "common/ops/reference_vectors.h"
#include "common/ops/rms_norm.h"
#include "common/ops/rope.h"
#include "common/ops/silu_mul.h"

namespace chimera {
namespace {

using Vector = std::vector<float>;

Vector Norm(const TensorView& weight, const Vector& x, float epsilon) {
  Vector scale(x.size());
  Dequantize(weight.type, weight.bytes, scale);
  Vector y(x.size());
  RmsNormReference(x, scale, epsilon, y);
  return y;
}

void AddTo(Vector* x, const Vector& y) {
  for (size_t i = 0; i < x->size(); ++i) (*x)[i] += y[i];
}

// The forward pass of one sequence; `result` is also the K/V cache.
class Pass {
 public:
  Pass(const LlamaConfig& config, const LlamaWeights& weights, int64_t position_count)
      : config_(config),
        weights_(weights),
        rope_(position_count, config.head_dim, config.rope_base) {
    result_.keys.resize(config.layer_count);
    result_.values.resize(config.layer_count);
  }

  void RunToken(int64_t position, int32_t token) {
    Vector x(config_.hidden_size);
    Dequantize(weights_.token_embedding.type, weights_.token_embedding.row(token), x);
    std::vector<Vector> states = {x};
    for (int layer = 0; layer < config_.layer_count; ++layer) {
      AddTo(&x, AttentionLayer(layer, position, x));
      AddTo(&x, FeedForwardLayer(layer, x));
      states.push_back(x);
    }
    result_.hidden_states.push_back(std::move(states));
    x = Norm(weights_.output_norm, x, config_.rms_norm_epsilon);
    result_.logits.push_back(LinearReference(weights_.output, x));
  }

  LlamaForwardResult TakeResult() { return std::move(result_); }

 private:
  Vector AttentionLayer(int layer, int64_t position, const Vector& x) {
    const LlamaLayerWeights& weights = weights_.layers[layer];
    const Vector normed = Norm(weights.attention_norm, x, config_.rms_norm_epsilon);
    Vector query = LinearReference(weights.query, normed);
    Vector key = LinearReference(weights.key, normed);
    RopeReference(rope_, position, query);
    RopeReference(rope_, position, key);
    result_.keys[layer].push_back(ToHalfReference(key));
    result_.values[layer].push_back(ToHalfReference(LinearReference(weights.value, normed)));

    const Vector heads = GroupedAttentionReference(
        {config_.query_head_count, config_.kv_head_count, config_.head_dim}, query,
        result_.keys[layer], result_.values[layer]);
    return LinearReference(weights.attention_output, heads);
  }

  Vector FeedForwardLayer(int layer, const Vector& x) const {
    const LlamaLayerWeights& weights = weights_.layers[layer];
    const Vector normed = Norm(weights.ffn_norm, x, config_.rms_norm_epsilon);
    Vector gated = LinearReference(weights.ffn_gate, normed);
    SiluMulReference(gated, LinearReference(weights.ffn_up, normed), gated);
    return LinearReference(weights.ffn_down, gated);
  }

  const LlamaConfig& config_;
  const LlamaWeights& weights_;
  const RopeTable rope_;
  LlamaForwardResult result_;
};

}  // namespace

LlamaForwardResult LlamaForwardReference(const LlamaConfig& config, const LlamaWeights& weights,
                                         std::span<const int32_t> tokens) {
  Pass pass(config, weights, static_cast<int64_t>(tokens.size()));
  for (size_t i = 0; i < tokens.size(); ++i) pass.RunToken(static_cast<int64_t>(i), tokens[i]);
  return pass.TakeResult();
}

}  // namespace chimera
