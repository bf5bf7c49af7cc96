// The weights of a LLaMA model, as views into its files.

#ifndef CHIMERA_COMMON_MODEL_LLAMA_WEIGHTS_H_
#define CHIMERA_COMMON_MODEL_LLAMA_WEIGHTS_H_

#include <vector>

#include "common/model/tensor_view.h"

namespace chimera {

// Shapes as [rows, columns]; norms are [1, n], F32, F16 or BF16. The rows of each head of query and
// key are in the order of GGUF, whatever that of the file: RoPE rotates neighbouring pairs.
struct LlamaLayerWeights {
  TensorView attention_norm;    // [1, hidden_size]
  TensorView query;             // [query_size, hidden_size]
  TensorView key;               // [kv_size, hidden_size]
  TensorView value;             // [kv_size, hidden_size]
  TensorView attention_output;  // [hidden_size, query_size]
  TensorView ffn_norm;          // [1, hidden_size]
  TensorView ffn_gate;          // [ffn_size, hidden_size]
  TensorView ffn_up;            // [ffn_size, hidden_size]
  TensorView ffn_down;          // [hidden_size, ffn_size]
};

struct LlamaWeights {
  TensorView token_embedding;  // [vocab_size, hidden_size]
  std::vector<LlamaLayerWeights> layers;
  TensorView output_norm;  // [1, hidden_size]
  TensorView output;       // [vocab_size, hidden_size]; is token_embedding where the two are tied
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_WEIGHTS_H_
