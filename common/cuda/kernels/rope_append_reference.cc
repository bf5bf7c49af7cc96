#include "common/cuda/kernels/rope_append_reference.h"

#include <cmath>
#include <vector>

#include "common/base/float16.h"
#include "common/cuda/kernels/kv_layout.h"

namespace chimera {
namespace {

using Heads = std::vector<float>;  // [head_count + 2 kv_head_count, head_dim]

Heads SumSplits(const RopeAppendArguments& arguments, int64_t row) {
  const int64_t size =
      int64_t{arguments.head_count + 2 * arguments.kv_head_count} * arguments.head_dim;
  Heads sum(size, 0.0f);
  for (int64_t split = 0; split < arguments.split_count; ++split) {
    const float* partials = arguments.partials + (split * arguments.row_count + row) * size;
    for (int64_t i = 0; i < size; ++i) sum[i] += partials[i];
  }
  return sum;
}

void Rotate(const float* angles, int head_dim, float* x) {
  for (int i = 0; i < head_dim; i += 2) {
    const float a = x[i], b = x[i + 1];
    const float cosine = angles[i], sine = angles[i + 1];
    x[i] = std::fma(a, cosine, b * -sine);
    x[i + 1] = std::fma(b, cosine, a * sine);
  }
}

void Store(const float* x, int size, uint16_t* output) {
  for (int i = 0; i < size; ++i) output[i] = FloatToBf16(x[i]);
}

}  // namespace

void RopeAppendKernelReference(const RopeAppendArguments& arguments) {
  const int head_dim = arguments.head_dim;
  const int kv_heads = arguments.kv_head_count;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    Heads heads = SumSplits(arguments, row);
    float* const queries = heads.data();
    float* const keys = queries + arguments.head_count * head_dim;
    float* const values = keys + kv_heads * head_dim;
    const float* const angles = arguments.rope_table + int64_t{arguments.positions[row]} * head_dim;
    for (float* head = queries; head < values; head += head_dim) Rotate(angles, head_dim, head);

    const int query_size = arguments.head_count * head_dim;
    Store(queries, query_size, arguments.queries + row * query_size);
    if (arguments.kv_slots[row] < 0) continue;
    for (int head = 0; head < kv_heads; ++head) {
      const int64_t begin = KvElement(arguments.kv_slots[row], head, kv_heads, head_dim);
      Store(keys + head * head_dim, head_dim, arguments.keys + begin);
      Store(values + head * head_dim, head_dim, arguments.values + begin);
    }
  }
}

}  // namespace chimera
