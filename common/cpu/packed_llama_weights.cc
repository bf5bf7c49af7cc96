#include "common/cpu/packed_llama_weights.h"

namespace chimera {

PackedLlamaLayer::PackedLlamaLayer(const LlamaLayerWeights& weights, ThreadPool* pool,
                                   BufferArena* arena)
    : attention_norm(Widen(weights.attention_norm)),
      query_key_value({weights.query, weights.key, weights.value}, pool, arena),
      attention_output({weights.attention_output}, pool, arena),
      ffn_norm(Widen(weights.ffn_norm)),
      ffn_gate_up({weights.ffn_gate, weights.ffn_up}, pool, arena),
      ffn_down({weights.ffn_down}, pool, arena) {}

PackedLlamaWeights::PackedLlamaWeights(const LlamaWeights& weights, ThreadPool* pool)
    : token_embedding(
          std::make_shared<PackedLinear>(std::span(&weights.token_embedding, 1), pool, &arena)),
      output_norm(Widen(weights.output_norm)) {
  for (const LlamaLayerWeights& layer : weights.layers) layers.emplace_back(layer, pool, &arena);
  const bool is_tied = weights.output.bytes.data() == weights.token_embedding.bytes.data();
  output = is_tied
               ? token_embedding
               : std::make_shared<const PackedLinear>(std::span(&weights.output, 1), pool, &arena);
}

}  // namespace chimera
