// The context encoder: one LLaMA block over what the target computed (Chimera, arXiv 2402.15758).

#ifndef CHIMERA_DRAFTER_NETWORK_CONTEXT_ENCODER_H_
#define CHIMERA_DRAFTER_NETWORK_CONTEXT_ENCODER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/cpu/attention_task.h"
#include "common/cpu/buffer_arena.h"
#include "common/cpu/packed_linear.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/ops/rope.h"
#include "drafter/network/context_window.h"
#include "drafter/network/row_products.h"

namespace chimera {

// A row of the encoder at a position whose features the target gave.
struct ContextRow {
  ContextWindow* window = nullptr;
  int64_t position = 0;
};

// A row that is encoded to its end. It attends to all of its window and, if it was drafted, to
// drafted rows before it and to itself.
struct EncoderRow {
  const ContextWindow* window = nullptr;
  int64_t position = 0;
  int32_t drafted = -1;  // index of its drafted key and value; -1: its own are in the window
  int32_t parent = -1;   // index of the drafted row that it continues; -1: none
};

// z = W_z [norm_t t; norm_f f], then a pre-norm block: attention with rotary positions and grouped
// queries, and a gated feed-forward network, each added to the residual stream. One thread.
class ContextEncoder {
 public:
  // As TrigramEncoder's. Positions are below `position_limit`.
  ContextEncoder(const DraftNetworkConfig& config, const ContextEncoderWeights& weights,
                 int64_t position_limit, BufferArena* arena, RowProducts* products);

  // z [n_rows, hidden_size] of trigram encodings and features, both [n_rows, hidden_size].
  void MixInputs(int64_t count, const float* trigrams, const float* features, float* z);

  // Writes the keys and values of the rows of z to their windows, which hold the positions.
  void StoreContext(std::span<const ContextRow> rows, const float* z);

  // Forgets all drafted rows.
  void ClearDrafted() { parents_.clear(); }

  // Encodes the rows of z to output [n_rows, hidden_size]. Drafted rows are numbered in the order
  // of all calls since ClearDrafted, from 0.
  void Encode(std::span<const EncoderRow> rows, const float* z, float* output);

 private:
  struct Scratch {
    std::vector<uint16_t> key;
    std::vector<KvPage> pages;
    std::vector<KvNode> nodes;
    std::vector<float> weights;
  };

  // What a product reads of row `row` of z.
  void NormalizeForAttention(const float* z, int64_t row, float* input) const;
  // Keys and values of those rows that are drafted, the last product's input.
  void StoreDrafted(std::span<const EncoderRow> rows);
  // Turns a row's key of keys_values_ by RoPE and converts both to fp16: key, then value.
  void ConvertKeyValue(int64_t row, int64_t position, uint16_t* key_value);
  // The query heads of key/value head `head`: `queries` and `output` are theirs, [heads, head_dim].
  void Attend(const EncoderRow& row, int64_t head, float* queries, Scratch* scratch,
              float* output) const;

  const DraftNetworkConfig& config_;
  RowProducts* const products_;
  const RopeTable rope_;
  const std::vector<float> token_norm_, feature_norm_, attention_norm_, ffn_norm_;
  const PackedLinear input_, key_value_, query_, attention_output_, ffn_gate_up_, ffn_down_;

  std::vector<float> keys_values_;
  std::vector<float> queries_;    // [n_rows, query_size]
  std::vector<float> rows_;       // [n_rows, width of the last product]
  std::vector<Scratch> scratch_;  // [thread_count]

  // Of drafted rows.
  std::vector<int32_t> parents_;
  std::vector<uint16_t> drafted_;  // [n_drafted, key and value, kv_size] fp16
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_CONTEXT_ENCODER_H_
