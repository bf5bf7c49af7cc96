// The forward pass of a LLaMA model in double precision, written from the formulas alone.

#ifndef CHIMERA_TESTS_COMMON_OPS_LLAMA_FORWARD_IN_DOUBLE_H_
#define CHIMERA_TESTS_COMMON_OPS_LLAMA_FORWARD_IN_DOUBLE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"

namespace chimera::testing {

// Ways to get it wrong, each of which a comparison must notice.
enum class ForwardMistake {
  kNone,
  kFutureVisible,         // every position attends to all
  kHalvesRotated,         // RoPE on elements i and i + head_dim / 2
  kHeadsInterleaved,      // query head h uses key/value head h % kv_head_count
  kGateAndUpSwapped,      // silu of the wrong one
  kNoAttentionNorm,       // the residual stream itself is projected
  kNoFeedForwardResidual  // the feed-forward layer's output replaces its input
};

// Logits [n][vocab_size] of `tokens` at positions 0, 1, ...
std::vector<std::vector<double>> LlamaForwardInDouble(const LlamaConfig& config,
                                                      const LlamaWeights& weights,
                                                      std::span<const int32_t> tokens,
                                                      ForwardMistake mistake);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_OPS_LLAMA_FORWARD_IN_DOUBLE_H_
