#include "drafter/network/context_encoder.h"

#include <algorithm>

#include "common/base/check.h"

namespace chimera {

ContextEncoder::ContextEncoder(const DraftNetworkConfig& config,
                               const ContextEncoderWeights& weights, int64_t position_limit,
                               BufferArena* arena, RowProducts* products)
    : config_(config),
      products_(products),
      rope_(position_limit, config.head_dim, config.rope_base),
      token_norm_(Widen(weights.token_norm)),
      feature_norm_(Widen(weights.feature_norm)),
      attention_norm_(Widen(weights.attention_norm)),
      ffn_norm_(Widen(weights.ffn_norm)),
      input_({weights.input}, products->pool(), arena),
      key_value_({weights.key, weights.value}, products->pool(), arena),
      query_({weights.query}, products->pool(), arena),
      attention_output_({weights.attention_output}, products->pool(), arena),
      ffn_gate_up_({weights.ffn_gate, weights.ffn_up}, products->pool(), arena),
      ffn_down_({weights.ffn_down}, products->pool(), arena),
      scratch_(products->pool()->thread_count()) {}

void ContextEncoder::MixInputs(int64_t count, const float* trigrams, const float* features,
                               float* z) {
  const int64_t size = config_.hidden_size;
  const auto fill = [&](int64_t row, float* input) {
    const CpuKernels& kernels = products_->kernels();
    kernels.rms_norm(trigrams + row * size, token_norm_.data(), size, config_.rms_norm_epsilon,
                     input);
    kernels.rms_norm(features + row * size, feature_norm_.data(), size, config_.rms_norm_epsilon,
                     input + size);
  };
  products_->Multiply(input_, count, fill, z);
}

void ContextEncoder::NormalizeForAttention(const float* z, int64_t row, float* input) const {
  const int64_t size = config_.hidden_size;
  products_->kernels().rms_norm(z + row * size, attention_norm_.data(), size,
                                config_.rms_norm_epsilon, input);
}

void ContextEncoder::ConvertKeyValue(int64_t row, int64_t position, uint16_t* key_value) {
  float* const from = keys_values_.data() + row * 2 * config_.kv_size();
  products_->kernels().rope(rope_.cosines(position).data(), rope_.signed_sines(position).data(),
                            config_.head_dim, config_.kv_head_count, from);
  products_->kernels().to_half(from, int64_t{2} * config_.kv_size(), key_value);
}

void ContextEncoder::StoreContext(std::span<const ContextRow> rows, const float* z) {
  const int64_t count = static_cast<int64_t>(rows.size());
  const auto normalize = [&](int64_t row, float* input) { NormalizeForAttention(z, row, input); };
  products_->Multiply(key_value_, count, normalize,
                      GrowTo(count * 2 * config_.kv_size(), &keys_values_));
  products_->pool()->ParallelFor(count, [&](int64_t begin, int64_t end, int thread) {
    std::vector<uint16_t>& key_value = scratch_[thread].key;
    key_value.resize(2 * config_.kv_size());
    for (int64_t row = begin; row < end; ++row) {
      ConvertKeyValue(row, rows[row].position, key_value.data());
      for (int64_t head = 0; head < config_.kv_head_count; ++head) {
        const uint16_t* const key = key_value.data() + head * config_.head_dim;
        rows[row].window->Put(rows[row].position, head, key, key + config_.kv_size());
      }
    }
  });
}

void ContextEncoder::StoreDrafted(std::span<const EncoderRow> rows) {
  const auto is_drafted = [](const EncoderRow& row) { return row.drafted >= 0; };
  if (std::ranges::none_of(rows, is_drafted)) return;
  const int64_t count = static_cast<int64_t>(rows.size());
  products_->MultiplyAgain(key_value_, GrowTo(count * 2 * config_.kv_size(), &keys_values_));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].drafted < 0) continue;
    CHIMERA_CHECK(rows[i].drafted == static_cast<int32_t>(parents_.size()));
    CHIMERA_CHECK(rows[i].parent < rows[i].drafted);
    parents_.push_back(rows[i].parent);
    drafted_.resize(std::max(drafted_.size(), parents_.size() * 2 * config_.kv_size()));
    ConvertKeyValue(static_cast<int64_t>(i), rows[i].position,
                    &drafted_[rows[i].drafted * 2 * config_.kv_size()]);
  }
}

void ContextEncoder::Attend(const EncoderRow& row, int64_t head, float* queries, Scratch* scratch,
                            float* output) const {
  const CpuKernels& kernels = products_->kernels();
  const int64_t group = config_.query_head_count / config_.kv_head_count;
  kernels.rope(rope_.cosines(row.position).data(), rope_.signed_sines(row.position).data(),
               config_.head_dim, group, queries);
  const int64_t paged = row.window->ListPages(head, &scratch->pages);
  scratch->nodes.clear();
  for (int32_t node = row.drafted; node >= 0; node = parents_[node]) {
    const uint16_t* const key =
        drafted_.data() + node * 2 * config_.kv_size() + head * config_.head_dim;
    scratch->nodes.push_back({.key = key, .value = key + config_.kv_size()});
  }
  std::reverse(scratch->nodes.begin(), scratch->nodes.end());
  const int64_t nodes = static_cast<int64_t>(scratch->nodes.size());
  const AttentionRow attention_row = {.queries = queries,
                                      .paged_count = paged,
                                      .nodes = scratch->nodes.data(),
                                      .node_count = nodes,
                                      .output = output};
  kernels.attention({.rows = &attention_row,
                     .row_count = 1,
                     .head_count = group,
                     .head_dim = config_.head_dim,
                     .pages = scratch->pages.data(),
                     .is_cold = true,
                     .weights = GrowTo(AttentionScratchSize(paged + nodes), &scratch->weights)});
}

void ContextEncoder::Encode(std::span<const EncoderRow> rows, const float* z, float* output) {
  const int64_t count = static_cast<int64_t>(rows.size());
  const int64_t size = config_.hidden_size;
  const CpuKernels& kernels = products_->kernels();
  const auto normalize = [&](int64_t row, float* input) { NormalizeForAttention(z, row, input); };
  products_->Multiply(query_, count, normalize, GrowTo(count * config_.query_size(), &queries_));
  StoreDrafted(rows);

  float* const heads =
      GrowTo(count * std::max<int64_t>(config_.query_size(), 2 * config_.ffn_size), &rows_);
  const int64_t kv_heads = config_.kv_head_count;
  const int64_t group_size = config_.query_size() / kv_heads;
  products_->pool()->ParallelFor(count * kv_heads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end; ++item) {
      Attend(rows[item / kv_heads], item % kv_heads, queries_.data() + item * group_size,
             &scratch_[thread], heads + item * group_size);
    }
  });
  const auto copy_heads = [&](int64_t row, float* input) {
    std::copy_n(heads + row * config_.query_size(), config_.query_size(), input);
  };
  products_->Multiply(attention_output_, count, copy_heads, output);

  const auto add_and_normalize = [&](int64_t row, float* input) {
    kernels.add_to(z + row * size, size, output + row * size);
    kernels.rms_norm(output + row * size, ffn_norm_.data(), size, config_.rms_norm_epsilon, input);
  };
  float* const gate_up = rows_.data();
  products_->Multiply(ffn_gate_up_, count, add_and_normalize, gate_up);
  const auto activate = [&](int64_t row, float* input) {
    const float* const gate = gate_up + row * 2 * config_.ffn_size;
    kernels.silu_mul(gate, gate + config_.ffn_size, config_.ffn_size, input);
  };
  products_->Multiply(ffn_down_, count, activate, rows_.data());
  for (int64_t row = 0; row < count; ++row) {
    kernels.add_to(rows_.data() + row * size, size, output + row * size);
  }
}

}  // namespace chimera
