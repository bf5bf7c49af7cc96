// ReadLlamaWeights of llama_gguf.h.

#include "common/model/llama_gguf.h"
#include "common/model/llama_weights_taker.h"

namespace chimera {
namespace {

constexpr LlamaTensorNames kNames = {.token_embedding = "token_embd.weight",
                                     .output_norm = "output_norm.weight",
                                     .output = "output.weight",
                                     .layer_prefix = "blk.",
                                     .attention_norm = "attn_norm",
                                     .query = "attn_q",
                                     .key = "attn_k",
                                     .value = "attn_v",
                                     .attention_output = "attn_output",
                                     .ffn_norm = "ffn_norm",
                                     .ffn_gate = "ffn_gate",
                                     .ffn_up = "ffn_up",
                                     .ffn_down = "ffn_down"};

}  // namespace

absl::StatusOr<LlamaWeights> ReadLlamaWeights(const GgufFile& file, const LlamaConfig& config) {
  return TakeLlamaWeights(file.tensors, kNames, config);
}

}  // namespace chimera
