// Tokens with their logits as whole numbers that order them as samplers do (common/sampling): by
// descending logit, equal ones by ascending id.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_RANK_H_
#define CHIMERA_COMMON_CUDA_DEVICE_RANK_H_

#include "common/cuda/device/primitives.h"

namespace chimera::device {

// Rises with `value`. Equal for -0 and +0, 0 for NaN and nothing else.
CHIMERA_DEVICE uint32_t OrderOf(float value) {
  const uint32_t bits = FloatBits(Add(value, 0.0f));  // -0 + 0 = +0
  const uint32_t order = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return value == value ? order : 0;
}

// The value of an order; of 0, a NaN.
CHIMERA_DEVICE float ValueOfOrder(uint32_t order) {
  return BitsToFloat((order & 0x80000000u) != 0 ? order & 0x7fffffffu : ~order);
}

// The greater rank belongs to the greater value, and among equal ones to the lower token. A rank of
// NaN is below all others. 0 is no token's rank, and below all.
CHIMERA_DEVICE uint64_t RankOf(float value, int32_t token) {
  return uint64_t{OrderOf(value)} << 32 | ~static_cast<uint32_t>(token);
}
CHIMERA_DEVICE float ValueOfRank(uint64_t rank) {
  return ValueOfOrder(static_cast<uint32_t>(rank >> 32));
}
CHIMERA_DEVICE int32_t TokenOfRank(uint64_t rank) {
  return static_cast<int32_t>(~static_cast<uint32_t>(rank));
}

CHIMERA_DEVICE uint64_t GreaterRank(uint64_t a, uint64_t b) { return a < b ? b : a; }

// The greatest rank of the warp's lanes together.
CHIMERA_DEVICE uint64_t WarpMaxRank(uint64_t rank) {
  const auto order = static_cast<uint32_t>(rank >> 32);
  const uint32_t greatest = ReduceMax(order);
  const uint32_t low = ReduceMax(order == greatest ? static_cast<uint32_t>(rank) : 0u);
  return uint64_t{greatest} << 32 | low;
}

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_RANK_H_
