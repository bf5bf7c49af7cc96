#include "tests/common/cuda/backend/bf16_weights.h"

#include <algorithm>
#include <span>

#include "common/base/float16.h"

namespace chimera::testing {

Bf16Weights::Bf16Weights(const LlamaWeights& weights) : weights_(weights) {
  Round(&weights_.token_embedding);
  for (LlamaLayerWeights& layer : weights_.layers) {
    for (TensorView* tensor : {&layer.query, &layer.key, &layer.value, &layer.attention_output,
                               &layer.ffn_gate, &layer.ffn_up, &layer.ffn_down}) {
      Round(tensor);
    }
  }
  Round(&weights_.output);
}

void Bf16Weights::Round(TensorView* tensor) {
  std::vector<uint16_t>& rounded = memory_.emplace_back(tensor->rows * tensor->columns);
  std::vector<float> row(tensor->columns);
  for (int64_t i = 0; i < tensor->rows; ++i) {
    Dequantize(tensor->type, tensor->row(i), row);
    std::ranges::transform(row, rounded.begin() + i * tensor->columns, FloatToBf16);
  }
  *tensor = {.type = DataType::kBf16,
             .rows = tensor->rows,
             .columns = tensor->columns,
             .bytes = std::as_bytes(std::span<const uint16_t>(rounded))};
}

}  // namespace chimera::testing
