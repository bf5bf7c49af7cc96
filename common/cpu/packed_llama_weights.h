// A LLaMA model's weights as the CPU backend keeps them.

#ifndef CHIMERA_COMMON_CPU_PACKED_LLAMA_WEIGHTS_H_
#define CHIMERA_COMMON_CPU_PACKED_LLAMA_WEIGHTS_H_

#include <memory>
#include <vector>

#include "common/cpu/buffer_arena.h"
#include "common/cpu/packed_linear.h"
#include "common/model/llama_weights.h"

namespace chimera {

struct PackedLlamaLayer {
  PackedLlamaLayer(const LlamaLayerWeights& weights, ThreadPool* pool, BufferArena* arena);

  std::vector<float> attention_norm;  // [hidden_size]
  PackedLinear query_key_value;       // outputs: query, key, value
  PackedLinear attention_output;
  std::vector<float> ffn_norm;  // [hidden_size]
  PackedLinear ffn_gate_up;     // outputs: gate, up
  PackedLinear ffn_down;
};

// Immutable after construction; any thread may read.
struct PackedLlamaWeights {
  // Repacks on all threads of `pool`. `weights` is not used afterwards.
  PackedLlamaWeights(const LlamaWeights& weights, ThreadPool* pool);

  BufferArena arena;  // of all that follow, in the order of a step
  std::shared_ptr<const PackedLinear> token_embedding;  // read by row
  std::vector<PackedLlamaLayer> layers;
  std::vector<float> output_norm;              // [hidden_size]
  std::shared_ptr<const PackedLinear> output;  // the same object where the two are tied
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_PACKED_LLAMA_WEIGHTS_H_
