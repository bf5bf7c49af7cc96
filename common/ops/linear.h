// Linear layers y = W x: the arithmetic that every implementation must reproduce bit for bit.

#ifndef CHIMERA_COMMON_OPS_LINEAR_H_
#define CHIMERA_COMMON_OPS_LINEAR_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/model/tensor_view.h"

namespace chimera {

// Elements that share a scale, in weights and in activations.
inline constexpr int kQuantBlock = 32;

// Blocks whose largest magnitude is below this are quantised to zeros, so that its reciprocal is
// finite.
inline constexpr float kMinQuantMagnitude = 0x1p-100f;

// One row of activations x [k] in 8 bits. Block b holds elements 32 b to 32 b + 31. With M the
// largest magnitude in the block (a NaN never counts) and, in fp32,
//
//   values[i] = x[i] * (127 / M), clamped to [-127, 127], rounded to nearest, ties to even
//   scales[b] = M / 127
//   sums[b]   = the integer sum of the block's values
//
// A row is quantised alone: the result does not depend on other rows.
struct QuantizedRow {
  std::vector<int8_t> values;  // [k]
  std::vector<float> scales;   // [k / 32]
  std::vector<int32_t> sums;   // [k / 32]
};

// REQUIRES: x.size() is a multiple of kQuantBlock.
QuantizedRow QuantizeRowReference(std::span<const float> x);

// y [weight.rows] = W x for one row of activations x [weight.columns].
//
// Quantised weights (Q4_0, Q4_1, Q8_0) multiply the quantised row. Per output feature, starting
// from sum = 0, for blocks b in ascending order, with d and m the weight block's fp16 scale and
// minimum as fp32 (Q4_0: m = -8 d; Q8_0 has none), q its integers, dot = the exact integer sum of
// q[i] * values[i]:
//
//   sum = fma(d * scales[b], (float)dot, sum)
//   sum = fma(m, scales[b] * (float)sums[b], sum)       Q4_0 and Q4_1 only
//
// Other weights (F32, F16, BF16, widened to fp32) multiply x itself. Per output feature, starting
// from sum = 0, for i in ascending order: sum = fma(w[i], x[i], sum).
void LinearReference(const TensorView& weight, std::span<const float> x, std::span<float> y);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_LINEAR_H_
