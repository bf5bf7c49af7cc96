// The sums of a part of a row's keys, and how parts are merged. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_SOFTMAX_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_SOFTMAX_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_fragments.h"

namespace chimera::attention {

// Weights below this are 0: they are far below the rounding of the greatest, which is 1.
inline constexpr float kSmallestWeight = 0x1p-60f;

// The score of a masked position, and the maximum of no score.
CHIMERA_DEVICE float MaskedScore() { return device::BitsToFloat(0xff800000u); }

// 2^(score - maximum), or 0 for a masked position, even where the maximum is one: then the
// difference is NaN.
CHIMERA_DEVICE float Weight(float score, float maximum) {
  const float weight = device::Exp2(device::Sub(score, maximum));
  return weight >= kSmallestWeight ? weight : 0.0f;
}

// What a sum of weights relative to one maximum is multiplied with to be relative to another. Equal
// ones may be those of no score.
CHIMERA_DEVICE float Rescaling(float from, float to) {
  return from == to ? 1.0f : device::Exp2(device::Sub(from, to));
}

// How the sums of a part are added to those of the parts before it.
struct MergeFactors {
  float maximum;
  float before;
  float part;
};

// REQUIRES: the part's maximum is that of a score.
CHIMERA_DEVICE MergeFactors FactorsOfMerge(float maximum, float part_maximum) {
  const float merged = device::Max(maximum, part_maximum);
  return {merged, Rescaling(maximum, merged), Rescaling(part_maximum, merged)};
}

CHIMERA_DEVICE float MergeSums(const MergeFactors& factors, float before, float part) {
  return device::Fma(part, factors.part, device::Mul(before, factors.before));
}

// What a lane holds of the sums of a part for 16 rows of queries: elements of FragmentC, whose
// first two are those of row g, the others those of row g + 8, g = lane / 4.
template <int kHeadDim>
struct Part {
  float maximum[2];
  FragmentC total;  // all columns: the sum of weights
  FragmentC sums[kHeadDim / kFragmentColumns];

  static CHIMERA_DEVICE Part Empty() {
    Part part = {};
    part.maximum[0] = part.maximum[1] = MaskedScore();
    return part;
  }

  // Makes the sums relative to `maximum` [2].
  CHIMERA_DEVICE void Rescale(const float (&new_maximum)[2]) {
    const float factor[2] = {Rescaling(maximum[0], new_maximum[0]),
                             Rescaling(maximum[1], new_maximum[1])};
    CHIMERA_UNROLL
    for (int i = 0; i < 4; ++i) {
      total.value[i] = device::Mul(total.value[i], factor[i / 2]);
      CHIMERA_UNROLL
      for (FragmentC& sum : sums) sum.value[i] = device::Mul(sum.value[i], factor[i / 2]);
    }
    maximum[0] = new_maximum[0];
    maximum[1] = new_maximum[1];
  }

  // Adds a step of 16 weighted positions: the products of the weights with a column of ones, and
  // with the values, pair i of whose columns is values(i).
  template <typename Values>
  CHIMERA_DEVICE void Add(const FragmentA& weights, const Values& values) {
    constexpr uint32_t kOnes = 0x3f803f80u;  // bf16
    device::MultiplyAccumulate(&total, weights, {{{kOnes, kOnes}}});
    CHIMERA_UNROLL
    for (int pair = 0; pair < kHeadDim / (2 * kFragmentColumns); ++pair) {
      const FragmentPair columns = values(pair);
      device::MultiplyAccumulate(&sums[2 * pair], weights, columns.low);
      device::MultiplyAccumulate(&sums[2 * pair + 1], weights, columns.high);
    }
  }
};

// The greatest of a row's scores, known to the four lanes that hold it.
CHIMERA_DEVICE float RowMaximum(float maximum) {
  maximum = device::Max(maximum, device::ShuffleXor(maximum, 1));
  return device::Max(maximum, device::ShuffleXor(maximum, 2));
}

// The weights of 16 columns, given the scores of columns 0 to 7 and 8 to 15.
CHIMERA_DEVICE FragmentA WeightsOf(const FragmentC& low, const FragmentC& high,
                                   const float (&maximum)[2]) {
  FragmentA weights;
  CHIMERA_UNROLL
  for (int i = 0; i < 2; ++i) {
    weights.words.word[i] = device::PackBf16(Weight(low.value[2 * i], maximum[i]),
                                             Weight(low.value[2 * i + 1], maximum[i]));
    weights.words.word[2 + i] = device::PackBf16(Weight(high.value[2 * i], maximum[i]),
                                                 Weight(high.value[2 * i + 1], maximum[i]));
  }
  return weights;
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_SOFTMAX_H_
