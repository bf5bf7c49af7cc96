// HuggingFaceTensors and ReadHuggingFaceWeights of llama_hugging_face.h.

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/llama_hugging_face.h"
#include "common/model/llama_weights_taker.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

constexpr LlamaTensorNames kNames = {.token_embedding = "model.embed_tokens.weight",
                                     .output_norm = "model.norm.weight",
                                     .output = "lm_head.weight",
                                     .layer_prefix = "model.layers.",
                                     .attention_norm = "input_layernorm",
                                     .query = "self_attn.q_proj",
                                     .key = "self_attn.k_proj",
                                     .value = "self_attn.v_proj",
                                     .attention_output = "self_attn.o_proj",
                                     .ffn_norm = "post_attention_layernorm",
                                     .ffn_gate = "mlp.gate_proj",
                                     .ffn_up = "mlp.up_proj",
                                     .ffn_down = "mlp.down_proj"};

absl::StatusOr<TensorView> ViewOf(const std::string& name, const SafetensorsTensor& tensor) {
  const std::optional<DataType> type = FloatDataType(tensor.type);
  if (!type.has_value()) {
    return absl::UnimplementedError(absl::StrCat("tensor ", Printable(name), " has type ",
                                                 SafetensorsTypeName(tensor.type),
                                                 "; supported: F32, F16, BF16"));
  }
  const size_t dimensions = tensor.shape.size();
  if (dimensions != 1 && dimensions != 2) {
    return absl::UnimplementedError(absl::StrCat("tensor ", Printable(name), " has ", dimensions,
                                                 " dimensions; supported: 1 and 2"));
  }
  return TensorView{.type = *type,
                    .rows = dimensions == 1 ? 1 : tensor.shape[0],
                    .columns = tensor.shape.back(),
                    .bytes = tensor.bytes};
}

}  // namespace

absl::StatusOr<std::map<absl::string_view, TensorView>> HuggingFaceTensors(
    const std::map<std::string, SafetensorsTensor>& tensors, const LlamaConfig& config) {
  std::map<absl::string_view, TensorView> views;
  for (const auto& [name, tensor] : tensors) {
    if (absl::EndsWith(name, ".rotary_emb.inv_freq")) continue;
    if (config.tied_embedding && name == kNames.output) continue;
    CHIMERA_ASSIGN_OR_RETURN(views[name], ViewOf(name, tensor));
  }
  return views;
}

absl::StatusOr<LlamaWeights> ReadHuggingFaceWeights(
    const std::map<absl::string_view, TensorView>& tensors, const LlamaConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(LlamaWeights weights, TakeLlamaWeights(tensors, kNames, config));
  for (LlamaLayerWeights& layer : weights.layers) {
    layer.query.split_head_dim = config.head_dim;
    layer.key.split_head_dim = config.head_dim;
  }
  return weights;
}

}  // namespace chimera
