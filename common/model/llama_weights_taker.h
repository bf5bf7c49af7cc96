// Finds the weights of a LLaMA model among the tensors of a file, whatever the format calls them.

#ifndef CHIMERA_COMMON_MODEL_LLAMA_WEIGHTS_TAKER_H_
#define CHIMERA_COMMON_MODEL_LLAMA_WEIGHTS_TAKER_H_

#include <map>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"
#include "common/model/tensor_view.h"

namespace chimera {

// What a format calls the weights. Those of layer i are layer_prefix, i, ".", the part, ".weight".
struct LlamaTensorNames {
  absl::string_view token_embedding;  // in full, as the next two
  absl::string_view output_norm;
  absl::string_view output;
  absl::string_view layer_prefix;
  absl::string_view attention_norm;
  absl::string_view query;
  absl::string_view key;
  absl::string_view value;
  absl::string_view attention_output;
  absl::string_view ffn_norm;
  absl::string_view ffn_gate;
  absl::string_view ffn_up;
  absl::string_view ffn_down;
};

// The weights that `config` asks for, out of `tensors` by name. NOT_FOUND for a missing tensor,
// INVALID_ARGUMENT for one of a wrong shape, UNIMPLEMENTED for a norm in a quantised type and for a
// tensor that a LLaMA model does not have; each names the tensor.
absl::StatusOr<LlamaWeights> TakeLlamaWeights(
    const std::map<absl::string_view, TensorView>& tensors, const LlamaTensorNames& names,
    const LlamaConfig& config);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_WEIGHTS_TAKER_H_
