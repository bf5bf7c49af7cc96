// A tile of 64 positions of the bulk. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_BULK_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_BULK_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_fragments.h"
#include "common/cuda/kernels/attention_shape.h"
#include "common/cuda/kernels/attention_softmax.h"

namespace chimera::attention {

// The weights of a tile's positions for the 16 rows of a warp.
struct BulkWeights {
  FragmentA step[kAttentionTilePositions / kFragmentDepth];
};

// From the tile's keys. Positions from bulk_end on are masked, which are counted from the tile's
// first; likewise for row g + 8. The part becomes relative to the greatest score so far.
template <int kHeadDim>
CHIMERA_DEVICE BulkWeights WeighTile(const FragmentA (&queries)[kHeadDim / kFragmentDepth],
                                     const uint16_t* keys, const int (&bulk_end)[2], float scale,
                                     Part<kHeadDim>* part) {
  constexpr int kGroups = kAttentionTilePositions / kFragmentColumns;
  FragmentC scores[kGroups] = {};
  CHIMERA_UNROLL
  for (int step = 0; step < kHeadDim / kFragmentDepth; ++step) {
    CHIMERA_UNROLL
    for (int group = 0; group < kGroups; group += 2) {
      const FragmentPair columns =
          LoadKeys<kHeadDim>(keys + group * kFragmentColumns * kHeadDim, step);
      device::MultiplyAccumulate(&scores[group], queries[step], columns.low);
      device::MultiplyAccumulate(&scores[group + 1], queries[step], columns.high);
    }
  }

  float maximum[2] = {part->maximum[0], part->maximum[1]};
  CHIMERA_UNROLL
  for (int group = 0; group < kGroups; ++group) {
    CHIMERA_UNROLL
    for (int i = 0; i < 4; ++i) {
      float& score = scores[group].value[i];
      const int position = group * kFragmentColumns + device::LaneIndex() % 4 * 2 + i % 2;
      score = position < bulk_end[i / 2] ? device::Mul(score, scale) : MaskedScore();
      maximum[i / 2] = device::Max(maximum[i / 2], score);
    }
  }
  maximum[0] = RowMaximum(maximum[0]);
  maximum[1] = RowMaximum(maximum[1]);
  part->Rescale(maximum);

  BulkWeights weights;
  CHIMERA_UNROLL
  for (int step = 0; step < kGroups / 2; ++step) {
    weights.step[step] = WeightsOf(scores[2 * step], scores[2 * step + 1], maximum);
  }
  return weights;
}

// Adds the tile's weighted values to the part.
template <int kHeadDim>
CHIMERA_DEVICE void AddTile(const BulkWeights& weights, const uint16_t* values,
                            Part<kHeadDim>* part) {
  CHIMERA_UNROLL
  for (int step = 0; step < kAttentionTilePositions / kFragmentDepth; ++step) {
    part->Add(weights.step[step], [&](int pair) {
      return LoadValues<kHeadDim>(values + step * kFragmentDepth * kHeadDim, pair);
    });
  }
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_BULK_H_
