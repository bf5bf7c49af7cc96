// What a Hugging Face folder says about a LLaMA model.

#ifndef CHIMERA_COMMON_MODEL_LLAMA_HUGGING_FACE_H_
#define CHIMERA_COMMON_MODEL_LLAMA_HUGGING_FACE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"
#include "common/model/safetensors_tensor.h"
#include "common/model/tensor_view.h"

namespace chimera {

// The validated configuration in the text of a config.json. UNIMPLEMENTED, naming it, for a
// model_type other than "llama" and for a key that changes the arithmetic in a way that Chimera
// does not know (scaled RoPE, biases, another activation, quantised weights); INVALID_ARGUMENT for
// a missing or impossible value. Keys that transformers' LlamaConfig does not know are ignored, as
// transformers ignores them.
absl::StatusOr<LlamaConfig> ReadHuggingFaceConfig(absl::string_view config_json);

// Those of `tensors` that hold weights of a model of this configuration: not the tables of RoPE
// that old versions of transformers wrote, and not an output head beside a tied embedding. The
// views and names live as long as `tensors`. UNIMPLEMENTED, naming the tensor, for a type other
// than F32, F16 and BF16 and for other than one or two dimensions.
absl::StatusOr<std::map<absl::string_view, TensorView>> HuggingFaceTensors(
    const std::map<std::string, SafetensorsTensor>& tensors, const LlamaConfig& config);

// Views of the weights. Errors as TakeLlamaWeights.
absl::StatusOr<LlamaWeights> ReadHuggingFaceWeights(
    const std::map<absl::string_view, TensorView>& tensors, const LlamaConfig& config);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_HUGGING_FACE_H_
