// Sums over all threads of a block.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_BLOCK_SUM_H_
#define CHIMERA_COMMON_CUDA_DEVICE_BLOCK_SUM_H_

#include "common/cuda/device/primitives.h"

namespace chimera::device {

// The sum of the warp's values, the same bits for each lane: lanes at distance 16, 8, 4, 2 and 1
// add theirs, and a + b is b + a. The warp's lanes together.
CHIMERA_DEVICE float WarpSum(float value) {
  CHIMERA_UNROLL
  for (int mask = kWarpSize / 2; mask > 0; mask /= 2) value = Add(value, ShuffleXor(value, mask));
  return value;
}

// The sum of the values of a block of kWarps warps, the same bits for each thread: the warps' sums
// are added in order. All threads of the block together. `warp_sums` is shared memory, which must
// not be written again before the next SyncThreads().
template <int kWarps>
CHIMERA_DEVICE float BlockSum(float value, float (&warp_sums)[kWarps]) {
  const float own = WarpSum(value);
  if (LaneIndex() == 0) warp_sums[WarpIndex()] = own;
  SyncThreads();
  float sum = warp_sums[0];
  CHIMERA_UNROLL
  for (int warp = 1; warp < kWarps; ++warp) sum = Add(sum, warp_sums[warp]);
  return sum;
}

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_BLOCK_SUM_H_
