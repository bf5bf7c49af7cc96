// What the references of whole networks share: operations of this folder on vectors.

#ifndef CHIMERA_COMMON_OPS_REFERENCE_VECTORS_H_
#define CHIMERA_COMMON_OPS_REFERENCE_VECTORS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/model/tensor_view.h"

namespace chimera {

// y = W x, see LinearReference.
std::vector<float> LinearReference(const TensorView& weight, const std::vector<float>& x);

// To fp16 bits, to nearest, ties to even.
std::vector<uint16_t> ToHalfReference(const std::vector<float>& x);

// Heads of one attention layer: query head h uses key/value head h / (query heads / kv heads).
struct HeadShape {
  int query_head_count = 0;
  int kv_head_count = 0;
  int64_t head_dim = 0;
};

// Outputs of all heads for one `query` [query_head_count * head_dim], see AttentionReference;
// `keys` and `values` hold those of each position, [kv_head_count * head_dim] fp16.
std::vector<float> GroupedAttentionReference(const HeadShape& shape,
                                             const std::vector<float>& query,
                                             std::span<const std::vector<uint16_t>> keys,
                                             std::span<const std::vector<uint16_t>> values);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_REFERENCE_VECTORS_H_
