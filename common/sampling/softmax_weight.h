// A token's share of the softmax as a whole number.

#ifndef CHIMERA_COMMON_SAMPLING_SOFTMAX_WEIGHT_H_
#define CHIMERA_COMMON_SAMPLING_SOFTMAX_WEIGHT_H_

#include <cstdint>

#include "common/base/vector_math.h"

namespace chimera {

// One lane of vector_math.h that rounds product and sum one by one, so that compilers can vectorise
// it for any machine. It costs the exponential below about 1e-6 of its value.
struct UnfusedMath : ScalarMath {
  static constexpr Float Fma(Float a, Float b, Float c) { return a * b + c; }
};

// At this distance and beyond, weights are 0.
inline constexpr float kZeroWeightDistance = 25.0f;

// 2^36 e^-distance, distance >= 0 being how far a token's scaled logit lies below the greatest of
// its row; below 1 for NaN.
constexpr float UnroundedSoftmaxWeight(float distance) {
  const float d = distance < kZeroWeightDistance ? distance : kZeroWeightDistance;
  return VectorExp<UnfusedMath>(-d) * 0x1p36f;
}

// The weight, rounded down. A whole number because sums of those do not depend on the order of the
// terms: every way to find the top-p set finds the same one. What rounding down loses is below
// 2^-36 of the most probable token per token: 1e-6 of the row at 65 536 tokens.
constexpr uint64_t WholeSoftmaxWeight(float unrounded) {
  return static_cast<uint64_t>(static_cast<int64_t>(unrounded));
}

constexpr uint64_t SoftmaxWeight(float distance) {
  return WholeSoftmaxWeight(UnroundedSoftmaxWeight(distance));
}

// What the weights of the top-p set must sum to at least, where all sum to `total`: top_p times as
// much, in double precision and rounded up.
constexpr uint64_t TopPTarget(float top_p, uint64_t total) {
  const double share = static_cast<double>(top_p) * static_cast<double>(total);
  const auto whole = static_cast<uint64_t>(share);
  return static_cast<double>(whole) < share ? whole + 1 : whole;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_SOFTMAX_WEIGHT_H_
