// Hyper-parameters of a LLaMA-architecture model.

#ifndef CHIMERA_COMMON_MODEL_LLAMA_CONFIG_H_
#define CHIMERA_COMMON_MODEL_LLAMA_CONFIG_H_

#include <cstdint>

#include "absl/status/status.h"

namespace chimera {

// A validated, immutable value: readers of model files return it only after ValidateLlamaConfig.
struct LlamaConfig {
  int32_t layer_count = 0;
  int32_t hidden_size = 0;  // width of the residual stream; a multiple of 32
  int32_t query_head_count = 0;
  int32_t kv_head_count = 0;  // divides query_head_count
  int32_t head_dim = 0;       // width of one head; even; query_size() is a multiple of 32
  int32_t ffn_size = 0;       // width of the feed-forward layer; a multiple of 32
  int32_t vocab_size = 0;
  int32_t context_length = 0;  // positions the model was trained for
  float rope_base = 10000.0f;
  float rms_norm_epsilon = 1e-5f;
  bool tied_embedding = false;  // the output head is the embedding matrix

  int32_t query_size() const { return query_head_count * head_dim; }
  int32_t kv_size() const { return kv_head_count * head_dim; }

  friend bool operator==(const LlamaConfig&, const LlamaConfig&) = default;
};

// Returns INVALID_ARGUMENT naming the field and its limit where a value is outside what Chimera
// supports. Every size is bounded so that products of two of them fit into int64_t.
absl::Status ValidateLlamaConfig(const LlamaConfig& config);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_CONFIG_H_
