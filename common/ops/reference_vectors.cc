#include "common/ops/reference_vectors.h"

#include "common/base/float16.h"
#include "common/ops/attention.h"
#include "common/ops/linear.h"

namespace chimera {

std::vector<float> LinearReference(const TensorView& weight, const std::vector<float>& x) {
  std::vector<float> y(weight.rows);
  LinearReference(weight, x, std::span(y));
  return y;
}

std::vector<uint16_t> ToHalfReference(const std::vector<float>& x) {
  std::vector<uint16_t> half;
  for (const float value : x) half.push_back(FloatToHalf(value));
  return half;
}

std::vector<float> GroupedAttentionReference(const HeadShape& shape,
                                             const std::vector<float>& query,
                                             std::span<const std::vector<uint16_t>> keys,
                                             std::span<const std::vector<uint16_t>> values) {
  std::vector<float> output(query.size());
  const int group = shape.query_head_count / shape.kv_head_count;
  for (int head = 0; head < shape.query_head_count; ++head) {
    const int64_t kv_offset = head / group * shape.head_dim;
    std::vector<const uint16_t*> head_keys, head_values;
    for (size_t i = 0; i < keys.size(); ++i) {
      head_keys.push_back(keys[i].data() + kv_offset);
      head_values.push_back(values[i].data() + kv_offset);
    }
    const int64_t offset = head * shape.head_dim;
    AttentionReference(std::span(query).subspan(offset, shape.head_dim), head_keys, head_values,
                       std::span(output).subspan(offset, shape.head_dim));
  }
  return output;
}

}  // namespace chimera
