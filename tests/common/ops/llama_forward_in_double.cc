#include "tests/common/ops/llama_forward_in_double.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace chimera::testing {
namespace {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;  // one vector per position

Vector RowOf(const TensorView& weight, int64_t row) {
  std::vector<float> values(weight.columns);
  Dequantize(weight.type, weight.row(row), values);
  return {values.begin(), values.end()};
}

double Dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Rows Linear(const TensorView& weight, const Rows& x) {
  Rows y(x.size());
  for (int64_t feature = 0; feature < weight.rows; ++feature) {
    const Vector row = RowOf(weight, feature);
    for (size_t p = 0; p < x.size(); ++p) y[p].push_back(Dot(row, x[p]));
  }
  return y;
}

Rows Norm(const TensorView& weight, Rows x, double epsilon) {
  const Vector scale = RowOf(weight, 0);
  for (Vector& row : x) {
    const double root = std::sqrt(Dot(row, row) / static_cast<double>(row.size()) + epsilon);
    for (size_t i = 0; i < row.size(); ++i) row[i] *= scale[i] / root;
  }
  return x;
}

void AddTo(Rows* x, const Rows& y) {
  for (size_t p = 0; p < x->size(); ++p) {
    for (size_t i = 0; i < y[p].size(); ++i) (*x)[p][i] += y[p][i];
  }
}

class Pass {
 public:
  Pass(const LlamaConfig& config, const LlamaWeights& weights, ForwardMistake mistake)
      : config_(config), weights_(weights), mistake_(mistake) {}

  Rows Run(std::span<const int32_t> tokens) const {
    Rows x;
    for (const int32_t token : tokens) x.push_back(RowOf(weights_.token_embedding, token));
    for (const LlamaLayerWeights& layer : weights_.layers) {
      AddTo(&x, Attention(layer, x));
      const Rows change = FeedForward(layer, x);
      if (mistake_ == ForwardMistake::kNoFeedForwardResidual) {
        x = change;
      } else {
        AddTo(&x, change);
      }
    }
    return Linear(weights_.output, Norm(weights_.output_norm, x, config_.rms_norm_epsilon));
  }

 private:
  void Rotate(Rows* x) const {
    const int size = config_.head_dim;
    const bool halves = mistake_ == ForwardMistake::kHalvesRotated;
    for (size_t p = 0; p < x->size(); ++p) {
      for (size_t head = 0; head < (*x)[p].size(); head += size) {
        for (int i = 0; i < size / 2; ++i) {
          const double angle =
              static_cast<double>(p) * std::pow(double{config_.rope_base}, -2.0 * i / size);
          double& first = (*x)[p][head + (halves ? i : 2 * i)];
          double& second = (*x)[p][head + (halves ? i + size / 2 : 2 * i + 1)];
          const double a = first, b = second;
          first = a * std::cos(angle) - b * std::sin(angle);
          second = a * std::sin(angle) + b * std::cos(angle);
        }
      }
    }
  }

  // The part of `head` in every row of x.
  Rows Head(const Rows& x, int head) const {
    Rows part;
    for (const Vector& row : x) {
      const auto begin = row.begin() + static_cast<ptrdiff_t>(head) * config_.head_dim;
      part.emplace_back(begin, begin + config_.head_dim);
    }
    return part;
  }

  // What one query sees of the first `count` positions.
  static Vector Mix(const Vector& query, const Rows& keys, const Rows& values, size_t count) {
    Vector weights;
    for (size_t p = 0; p < count; ++p) {
      weights.push_back(Dot(query, keys[p]) / std::sqrt(static_cast<double>(query.size())));
    }
    const double largest = *std::ranges::max_element(weights);
    double total = 0;
    for (double& weight : weights) total += weight = std::exp(weight - largest);
    Vector mixed(query.size());
    for (size_t p = 0; p < count; ++p) {
      for (size_t d = 0; d < mixed.size(); ++d) mixed[d] += weights[p] / total * values[p][d];
    }
    return mixed;
  }

  Rows Attention(const LlamaLayerWeights& layer, const Rows& x) const {
    const Rows normed = mistake_ == ForwardMistake::kNoAttentionNorm
                            ? x
                            : Norm(layer.attention_norm, x, config_.rms_norm_epsilon);
    Rows queries = Linear(layer.query, normed), keys = Linear(layer.key, normed);
    const Rows values = Linear(layer.value, normed);
    Rotate(&queries);
    Rotate(&keys);
    const int group = config_.query_head_count / config_.kv_head_count;
    const bool future = mistake_ == ForwardMistake::kFutureVisible;
    Rows heads(x.size());
    for (int head = 0; head < config_.query_head_count; ++head) {
      const int kv_head = mistake_ == ForwardMistake::kHeadsInterleaved
                              ? head % config_.kv_head_count
                              : head / group;
      const Rows query = Head(queries, head), key = Head(keys, kv_head);
      const Rows value = Head(values, kv_head);
      for (size_t p = 0; p < x.size(); ++p) {
        const Vector mixed = Mix(query[p], key, value, future ? x.size() : p + 1);
        heads[p].insert(heads[p].end(), mixed.begin(), mixed.end());
      }
    }
    return Linear(layer.attention_output, heads);
  }

  Rows FeedForward(const LlamaLayerWeights& layer, const Rows& x) const {
    const Rows normed = Norm(layer.ffn_norm, x, config_.rms_norm_epsilon);
    Rows gate = Linear(layer.ffn_gate, normed), up = Linear(layer.ffn_up, normed);
    if (mistake_ == ForwardMistake::kGateAndUpSwapped) std::swap(gate, up);
    for (size_t p = 0; p < x.size(); ++p) {
      for (size_t i = 0; i < gate[p].size(); ++i) {
        gate[p][i] *= up[p][i] / (1 + std::exp(-gate[p][i]));
      }
    }
    return Linear(layer.ffn_down, gate);
  }

  const LlamaConfig& config_;
  const LlamaWeights& weights_;
  const ForwardMistake mistake_;
};

}  // namespace

std::vector<std::vector<double>> LlamaForwardInDouble(const LlamaConfig& config,
                                                      const LlamaWeights& weights,
                                                      std::span<const int32_t> tokens,
                                                      ForwardMistake mistake) {
  return Pass(config, weights, mistake).Run(tokens);
}

}  // namespace chimera::testing
