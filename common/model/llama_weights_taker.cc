#include "common/model/llama_weights_taker.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

struct Shape {
  int64_t rows;
  int64_t columns;
};

using Tensors = std::map<absl::string_view, TensorView>;

// Takes tensors by name, so that what nobody asked for can be found at the end.
class TensorTaker {
 public:
  explicit TensorTaker(const Tensors& tensors) : tensors_(tensors) {}

  absl::Status TakeMatrix(absl::string_view name, Shape shape, TensorView* target) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
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

  absl::Status TakeNorm(absl::string_view name, int64_t columns, TensorView* target) {
    CHIMERA_RETURN_IF_ERROR(TakeMatrix(name, {1, columns}, target));
    if (BlockElements(target->type) == 1) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat("tensor ", name, " has type ",
                                                 DataTypeName(target->type),
                                                 "; supported for norms: F32, F16, BF16"));
  }

  absl::Status CheckNoneLeft() const {
    for (const auto& [name, tensor] : tensors_) {
      if (taken_.contains(name)) continue;
      return absl::UnimplementedError(
          absl::StrCat("tensor ", Printable(name),
                       " is not supported: it is not a weight of a plain LLaMA model of this ",
                       "many layers (biases, scaled RoPE and experts are not)"));
    }
    return absl::OkStatus();
  }

 private:
  const Tensors& tensors_;
  std::set<absl::string_view> taken_;
};

absl::StatusOr<LlamaLayerWeights> TakeLayer(int32_t index, const LlamaTensorNames& names,
                                            const LlamaConfig& config, TensorTaker* taker) {
  const int64_t hidden = config.hidden_size;
  const auto name = [&](absl::string_view part) {
    return absl::StrCat(names.layer_prefix, index, ".", part, ".weight");
  };
  LlamaLayerWeights layer;
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeNorm(name(names.attention_norm), hidden, &layer.attention_norm));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name(names.query), {config.query_size(), hidden}, &layer.query));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name(names.key), {config.kv_size(), hidden}, &layer.key));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name(names.value), {config.kv_size(), hidden}, &layer.value));
  CHIMERA_RETURN_IF_ERROR(taker->TakeMatrix(
      name(names.attention_output), {hidden, config.query_size()}, &layer.attention_output));
  CHIMERA_RETURN_IF_ERROR(taker->TakeNorm(name(names.ffn_norm), hidden, &layer.ffn_norm));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name(names.ffn_gate), {config.ffn_size, hidden}, &layer.ffn_gate));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name(names.ffn_up), {config.ffn_size, hidden}, &layer.ffn_up));
  CHIMERA_RETURN_IF_ERROR(
      taker->TakeMatrix(name(names.ffn_down), {hidden, config.ffn_size}, &layer.ffn_down));
  return layer;
}

}  // namespace

absl::StatusOr<LlamaWeights> TakeLlamaWeights(const Tensors& tensors, const LlamaTensorNames& names,
                                              const LlamaConfig& config) {
  TensorTaker taker(tensors);
  LlamaWeights weights;
  const Shape vocabulary_shape = {config.vocab_size, config.hidden_size};
  CHIMERA_RETURN_IF_ERROR(
      taker.TakeMatrix(names.token_embedding, vocabulary_shape, &weights.token_embedding));
  for (int32_t i = 0; i < config.layer_count; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(LlamaLayerWeights layer, TakeLayer(i, names, config, &taker));
    weights.layers.push_back(layer);
  }
  CHIMERA_RETURN_IF_ERROR(
      taker.TakeNorm(names.output_norm, config.hidden_size, &weights.output_norm));
  weights.output = weights.token_embedding;
  if (!config.tied_embedding) {
    CHIMERA_RETURN_IF_ERROR(taker.TakeMatrix(names.output, vocabulary_shape, &weights.output));
  }
  CHIMERA_RETURN_IF_ERROR(taker.CheckNoneLeft());
  return weights;
}

}  // namespace chimera
