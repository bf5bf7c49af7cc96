#include "common/cpu/llama_forward.h"

#include <algorithm>

#include "common/base/float16.h"
#include "common/base/grow_to.h"
#include "common/ops/linear.h"

namespace chimera {

LlamaForward::LlamaForward(const LlamaConfig& config, const PackedLlamaWeights& weights,
                           const CpuKernels& kernels, int64_t position_limit, ThreadPool* pool)
    : config_(config),
      weights_(weights),
      kernels_(kernels),
      pool_(pool),
      attention_(config, position_limit, kernels, pool),
      output_head_(config, weights, kernels, pool) {}

void LlamaForward::Run(const StagedStep& step, KvCache* cache, StepResult* result) {
  step_ = &step;
  result->hidden_states.assign(row_count() * step.batch.tapped_layers.size() * config_.hidden_size,
                               0);
  attention_.Plan(step);
  EmbedTokens();
  Tap(0, result);
  for (int layer = 0; layer < config_.layer_count; ++layer) {
    RunAttention(layer, cache);
    RunFeedForward(layer);
    Tap(layer + 1, result);
  }
  output_head_.Run(step, states_, result);
  step_ = nullptr;
}

void LlamaForward::EmbedTokens() {
  GrowTo(row_count() * config_.hidden_size, &states_);
  for (int64_t row = 0; row < row_count(); ++row) {
    weights_.token_embedding->CopyRow(step_->rows[row].token, state(row));
  }
}

void LlamaForward::RunAttention(int layer, KvCache* cache) {
  const PackedLlamaLayer& weights = weights_.layers[layer];
  const Rows all = {0, row_count()};
  Normalize(all, weights.attention_norm, weights.query_key_value);
  Multiply(weights.query_key_value, activations_);
  ForEachRow(pool_, row_count(), config_.hidden_size, [&](int64_t row, int thread) {
    float* query_key_value = products_.data() + row * weights.query_key_value.output_size();
    attention_.StoreKeyValue(*step_, row, layer, query_key_value, cache, thread);
  });
  activations_.Reset(row_count(), config_.query_size());
  attention_.Attend(*step_, layer, *cache, weights.attention_output.reads_quantized(),
                    products_.data(), &activations_);
  Multiply(weights.attention_output, activations_);
  AddProducts(all);
}

void LlamaForward::RunFeedForward(int layer) {
  const PackedLlamaLayer& weights = weights_.layers[layer];
  for (int64_t begin = 0; begin < row_count(); begin += kFeedForwardRows) {
    const Rows rows = {begin, std::min(kFeedForwardRows, row_count() - begin)};
    Normalize(rows, weights.ffn_norm, weights.ffn_gate_up);
    GrowTo(rows.count * weights.ffn_gate_up.output_size(), &products_);
    gated_.Reset(rows.count, config_.ffn_size);
    pool_->ParallelFor(config_.ffn_size / kQuantBlock, [&](int64_t first, int64_t end, int) {
      Gate(weights, first * kQuantBlock, (end - first) * kQuantBlock);
    });
    Multiply(weights.ffn_down, gated_);
    AddProducts(rows);
  }
}

void LlamaForward::Gate(const PackedLlamaLayer& weights, int64_t first, int64_t count) {
  weights.ffn_gate_up.MultiplyFeatures(kernels_, activations_.View(), first, count,
                                       products_.data());
  for (int64_t row = 0; row < gated_.row_count(); ++row) {
    const float* gate = products_.data() + row * 2 * config_.ffn_size + first;
    kernels_.silu_mul(gate, gate + config_.ffn_size, count, gated_.row(row) + first);
    if (weights.ffn_down.reads_quantized()) gated_.QuantizeValues(kernels_, row, first, count);
  }
}

void LlamaForward::Normalize(const Rows& rows, const std::vector<float>& norm,
                             const PackedLinear& reader) {
  activations_.Reset(rows.count, config_.hidden_size);
  ForEachRow(pool_, rows.count, config_.hidden_size, [&](int64_t row, int) {
    kernels_.rms_norm(state(rows.begin + row).data(), norm.data(), config_.hidden_size,
                      config_.rms_norm_epsilon, activations_.row(row));
    if (reader.reads_quantized()) activations_.QuantizeRow(kernels_, row);
  });
}

void LlamaForward::Multiply(const PackedLinear& weights, const Activations& input) {
  weights.Multiply(kernels_, input.View(), pool_,
                   GrowTo(input.row_count() * weights.output_size(), &products_));
}

void LlamaForward::AddProducts(const Rows& rows) {
  ForEachRow(pool_, rows.count, config_.hidden_size, [&](int64_t row, int) {
    kernels_.add_to(products_.data() + row * config_.hidden_size, config_.hidden_size,
                    state(rows.begin + row).data());
  });
}

void LlamaForward::Tap(int layer, StepResult* result) {
  const std::span<const int32_t> taps = step_->batch.tapped_layers;
  const auto tap = std::find(taps.begin(), taps.end(), layer);
  if (tap == taps.end()) return;
  for (int64_t row = 0; row < row_count(); ++row) {
    if (!step_->sequence_of(step_->rows[row]).outputs.hidden_states) continue;
    const int64_t index = row * static_cast<int64_t>(taps.size()) + (tap - taps.begin());
    uint16_t* to = result->hidden_states.data() + index * config_.hidden_size;
    for (const float value : state(row)) *to++ = FloatToBf16(value);
  }
}

}  // namespace chimera
