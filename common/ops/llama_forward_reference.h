// The whole forward pass of a LLaMA model, slow and obvious: the oracle for every backend.

#ifndef CHIMERA_COMMON_OPS_LLAMA_FORWARD_REFERENCE_H_
#define CHIMERA_COMMON_OPS_LLAMA_FORWARD_REFERENCE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"

namespace chimera {

// All that a forward pass of one sequence computes; n is its number of tokens.
struct LlamaForwardResult {
  std::vector<std::vector<float>> logits;  // [n][vocab_size]
  // [n][layer_count + 1][hidden_size]: the residual stream after i layers; 0 is the embedding.
  std::vector<std::vector<std::vector<float>>> hidden_states;
  // [layer_count][n][kv_head_count * head_dim] fp16 bits, keys after RoPE.
  std::vector<std::vector<std::vector<uint16_t>>> keys;
  std::vector<std::vector<std::vector<uint16_t>>> values;
};

// Runs `tokens` at positions 0, 1, ... one after the other, each through all layers:
//
//   x = embedding[token]
//   per layer: q, k, v = W (norm x); q, k turned by RoPE; k, v rounded to fp16 (to nearest, ties to
//     even) and stored; x = x + W_o attention(q, stored k and v of positions up to this one), query
//     head h using key/value head h / (query heads / kv heads); x = x + W_down silu_mul(W_gate (norm
//     x), W_up (norm x))
//   logits = W_output (norm x)
LlamaForwardResult LlamaForwardReference(const LlamaConfig& config, const LlamaWeights& weights,
                                         std::span<const int32_t> tokens);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_LLAMA_FORWARD_REFERENCE_H_
