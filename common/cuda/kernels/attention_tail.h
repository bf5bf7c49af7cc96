// The tail: one position after the other. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_TAIL_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_TAIL_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_fragments.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/attention_softmax.h"

namespace chimera::attention {

inline constexpr int kTailWords = kAttentionTailColumns / 32;
inline constexpr int kTailGroups = kAttentionTailColumns / kFragmentDepth;

// The bits of columns 16 group to 16 group + 15.
CHIMERA_DEVICE uint32_t GroupBits(const uint32_t (&columns)[kTailWords], int group) {
  return columns[group / 2] >> (group % 2 * kFragmentDepth) & 0xffffu;
}

struct TailWeights {
  float maximum[2];
  FragmentA group[kTailGroups];
  uint32_t visible[kTailWords];  // the columns that one of the warp's rows sees, for all lanes
};

// From the keys of all columns. `visible` says which of them row g sees and which row g + 8.
template <int kHeadDim>
CHIMERA_DEVICE TailWeights WeighTail(const FragmentA (&queries)[kHeadDim / kFragmentDepth],
                                     const uint16_t* keys, const uint32_t (&visible)[2][kTailWords],
                                     float scale) {
  TailWeights weights;
  CHIMERA_UNROLL
  for (int word = 0; word < kTailWords; ++word) {
    uint32_t columns = visible[0][word] | visible[1][word];
    CHIMERA_UNROLL
    for (int mask = 4; mask < kWarpSize; mask *= 2) columns |= device::ShuffleXor(columns, mask);
    weights.visible[word] = columns;
  }

  FragmentC scores[2 * kTailGroups] = {};
  CHIMERA_UNROLL
  for (int step = 0; step < kHeadDim / kFragmentDepth; ++step) {
    CHIMERA_UNROLL
    for (int group = 0; group < kTailGroups; ++group) {
      if (GroupBits(weights.visible, group) == 0) continue;
      const FragmentPair columns =
          LoadKeys<kHeadDim>(keys + group * kFragmentDepth * kHeadDim, step);
      device::MultiplyAccumulate(&scores[2 * group], queries[step], columns.low);
      device::MultiplyAccumulate(&scores[2 * group + 1], queries[step], columns.high);
    }
  }

  float maximum[2] = {MaskedScore(), MaskedScore()};
  CHIMERA_UNROLL
  for (int half = 0; half < 2 * kTailGroups; ++half) {
    CHIMERA_UNROLL
    for (int i = 0; i < 4; ++i) {
      float& score = scores[half].value[i];
      const int bit = half % 4 * kFragmentColumns + device::LaneIndex() % 4 * 2 + i % 2;
      const bool is_visible = (visible[i / 2][half / 4] >> bit & 1u) != 0;
      score = is_visible ? device::Mul(score, scale) : MaskedScore();
      maximum[i / 2] = device::Max(maximum[i / 2], score);
    }
  }
  weights.maximum[0] = RowMaximum(maximum[0]);
  weights.maximum[1] = RowMaximum(maximum[1]);
  CHIMERA_UNROLL
  for (int group = 0; group < kTailGroups; ++group) {
    weights.group[group] = WeightsOf(scores[2 * group], scores[2 * group + 1], weights.maximum);
  }
  return weights;
}

// What a lane's pair of weights is masked with to keep those of `columns`, whose bits 0 and 1 stand
// for the pair.
CHIMERA_DEVICE uint32_t PairMask(uint32_t columns) {
  return (columns & 1u) * 0x0000ffffu | (columns >> 1 & 1u) * 0xffff0000u;
}

// The weights of `columns`, 16 bits, and 0 for the others.
CHIMERA_DEVICE FragmentA SelectColumns(const FragmentA& weights, uint32_t columns) {
  const uint32_t own = columns >> (device::LaneIndex() % 4 * 2);
  const uint32_t low = PairMask(own);
  const uint32_t high = PairMask(own >> kFragmentColumns);
  return {{{weights.words.word[0] & low, weights.words.word[1] & low, weights.words.word[2] & high,
            weights.words.word[3] & high}}};
}

// The part's sums, step by step. A group of 16 columns begins a step. In each
// there is one position, or several of which each row sees one at most.
template <int kHeadDim>
CHIMERA_DEVICE Part<kHeadDim> SumTail(const TailWeights& weights, const uint16_t* values,
                                      const uint32_t (&step_begins)[kTailWords]) {
  Part<kHeadDim> part = {{weights.maximum[0], weights.maximum[1]}, {}, {}};
  CHIMERA_UNROLL
  for (int group = 0; group < kTailGroups; ++group) {
    const uint32_t visible = GroupBits(weights.visible, group);
    if (visible == 0) continue;
    FragmentPair columns[kHeadDim / (2 * kFragmentColumns)];
    CHIMERA_UNROLL
    for (int pair = 0; pair < kHeadDim / (2 * kFragmentColumns); ++pair) {
      columns[pair] = LoadValues<kHeadDim>(values + group * kFragmentDepth * kHeadDim, pair);
    }
    uint32_t begins = GroupBits(step_begins, group) | 1u;
    while (begins != 0) {
      const uint32_t begin = begins & (0u - begins);
      begins ^= begin;
      const uint32_t end = begins != 0 ? begins & (0u - begins) : 1u << kFragmentDepth;
      const uint32_t step = end - begin;  // the bits from the first column to before the next step
      if ((step & visible) == 0) continue;
      part.Add(SelectColumns(weights.group[group], step), [&](int pair) { return columns[pair]; });
    }
  }
  return part;
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_TAIL_H_
