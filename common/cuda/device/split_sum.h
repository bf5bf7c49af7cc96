// Sums of what a linear layer left in splits of k.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_SPLIT_SUM_H_
#define CHIMERA_COMMON_CUDA_DEVICE_SPLIT_SUM_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/device/vector4.h"

namespace chimera::device {

// 0 + partials[0] + partials[1] + ..., in this order, for four consecutive elements. `partials` is
// where the first split has them; the next ones have them `split_size` elements further on.
CHIMERA_DEVICE Vector4 SumSplits(const float* partials, int split_count, int64_t split_size) {
  Vector4 sum = {};
  for (int split = 0; split < split_count; ++split) {
    const Vector4 addend = LoadVector4(partials + split * split_size);
    CHIMERA_UNROLL
    for (int j = 0; j < kVectorSize; ++j) sum.value[j] = Add(sum.value[j], addend.value[j]);
  }
  return sum;
}

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_SPLIT_SUM_H_
