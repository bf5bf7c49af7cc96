// ReadLlamaWeights of llama_gguf.h.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/llama_gguf.h"

namespace chimera {
namespace {

struct Shape {
  int64_t rows;
  int64_t columns;
};

// Takes tensors out of a file by name, so that what nobody asked for can be found at the end.
class TensorTaker {
 public:
  explicit TensorTaker(const GgufFile& file) : file_(file) {}

  absl::Status TakeMatrix(const std::string& name, Shape shape, TensorView* target) {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) {
      return absl::NotFoundError(absl::StrCat("the file lacks the tensor ", name, " [", shape.rows,
                                              ", ", shape.columns, "]"));
    }
    const TensorView& tensor = found->second;
    if (tensor.rows != shape.rows || tensor.columns != shape.columns) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " is [", tensor.rows, ", ",
                                                     tensor.columns, "], must be [", shape.rows,
                                                     ", ", shape.columns, "]"));
    }
    taken_.insert(found->first);
    *target = tensor;
    return absl::OkStatus();
  }

  absl::Status TakeNorm(const std::string& name, int64_t columns, TensorView* target) {
    CHIMERA_RETURN_IF_ERROR(TakeMatrix(name, {1, columns}, target));
    if (target->type == DataType::kF32) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat(
        "tensor ", name, " has type ", DataTypeName(target->type), "; supported for norms: F32"));
  }

  absl::Status CheckNoneLeft() const {
    for (const auto& [name, tensor] : file_.tensors) {
      if (taken_.contains(name)) continue;
      return absl::UnimplementedError(absl::StrCat(
          "tensor ", name, " is not supported: it is not a weight of a plain LLaMA model of this ",
          "many layers (biases, scaled RoPE and experts are not)"));
    }
    return absl::OkStatus();
  }

 private:
  const GgufFile& file_;
  std::set<absl::string_view> taken_;
};

absl::StatusOr<LlamaLayerWeights> TakeLayer(int32_t index, const LlamaConfig& config,
                                            TensorTaker* taker) {
  const int64_t hidden = config.hidden_size;
  const auto name = [index](absl::string_view part) {
    return absl::StrCat("blk.", index, ".", part, ".weight");
  };
  LlamaLayerWeights layer;
  CHIMERA_RETURN_IF_ERROR(taker->TakeNorm(name("attn_norm"), hidden, &layer.attention_norm));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name("attn_q"), {config.query_size(), hidden}, &layer.query));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name("attn_k"), {config.kv_size(), hidden}, &layer.key));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name("attn_v"), {config.kv_size(), hidden}, &layer.value));
  CHIMERA_RETURN_IF_ERROR(taker->TakeMatrix(name("attn_output"), {hidden, config.query_size()},
                                            &layer.attention_output));
  CHIMERA_RETURN_IF_ERROR(taker->TakeNorm(name("ffn_norm"), hidden, &layer.ffn_norm));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name("ffn_gate"), {config.ffn_size, hidden}, &layer.ffn_gate));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name("ffn_up"), {config.ffn_size, hidden}, &layer.ffn_up));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name("ffn_down"), {hidden, config.ffn_size}, &layer.ffn_down));
  return layer;
}

}  // namespace

absl::StatusOr<LlamaWeights> ReadLlamaWeights(const GgufFile& file, const LlamaConfig& config) {
  TensorTaker taker(file);
  LlamaWeights weights;
  const Shape vocabulary_shape = {config.vocab_size, config.hidden_size};
  CHIMERA_RETURN_IF_ERROR(
      taker.TakeMatrix("token_embd.weight", vocabulary_shape, &weights.token_embedding));
  for (int32_t i = 0; i < config.layer_count; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(LlamaLayerWeights layer, TakeLayer(i, config, &taker));
    weights.layers.push_back(layer);
  }
  CHIMERA_RETURN_IF_ERROR(
      taker.TakeNorm("output_norm.weight", config.hidden_size, &weights.output_norm));
  weights.output = weights.token_embedding;
  if (!config.tied_embedding) {
    CHIMERA_RETURN_IF_ERROR(taker.TakeMatrix("output.weight", vocabulary_shape, &weights.output));
  }
  CHIMERA_RETURN_IF_ERROR(taker.CheckNoneLeft());
  return weights;
}

}  // namespace chimera
