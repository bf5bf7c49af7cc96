// Kernels on one row of activations: normalisation, gate, rotation, conversions. Each is its
// reference in common/ops, sixteen lanes at a time; S is a type like PortableSimd.

#ifndef CHIMERA_COMMON_CPU_ROW_KERNELS_H_
#define CHIMERA_COMMON_CPU_ROW_KERNELS_H_

#include <cstdint>

#include "common/base/vector_math.h"
#include "common/cpu/linear_task.h"
#include "common/ops/linear.h"

namespace chimera {

// All sizes are multiples of S::kLanes.
template <typename S>
struct RowKernels {
  using Float = typename S::Float;

  // common/ops/rms_norm.h
  static void RmsNorm(const float* x, const float* weight, int64_t size, float epsilon, float* y) {
    Float lanes = S::Set(0.0f);
    for (int64_t i = 0; i < size; i += S::kLanes) {
      const Float value = S::Load(x + i);
      lanes = S::Fma(value, value, lanes);
    }
    const float mean = S::Sum(lanes) / static_cast<float>(size);
    const Float scale = S::Set(1.0f / __builtin_sqrtf(mean + epsilon));
    for (int64_t i = 0; i < size; i += S::kLanes) {
      S::Store(y + i, S::Mul(S::Mul(S::Load(x + i), scale), S::Load(weight + i)));
    }
  }

  // common/ops/silu_mul.h
  static void SiluMul(const float* gate, const float* up, int64_t size, float* y) {
    const Float zero = S::Set(-0.0f);
    const Float one = S::Set(1.0f);
    for (int64_t i = 0; i < size; i += S::kLanes) {
      const Float x = S::Load(gate + i);
      const Float sigmoid = S::Add(one, VectorExp<S>(S::Sub(zero, x)));
      S::Store(y + i, S::Mul(S::Div(x, sigmoid), S::Load(up + i)));
    }
  }

  // common/ops/rope.h; x [head_count, head_dim]
  static void Rope(const float* cosines, const float* signed_sines, int64_t head_dim,
                   int64_t head_count, float* x) {
    for (int64_t head = 0; head < head_count; ++head, x += head_dim) {
      for (int64_t i = 0; i < head_dim; i += S::kLanes) {
        const Float value = S::Load(x + i);
        const Float turned = S::Mul(S::SwapPairs(value), S::Load(signed_sines + i));
        S::Store(x + i, S::Fma(value, S::Load(cosines + i), turned));
      }
    }
  }

  // x += y
  static void AddTo(const float* y, int64_t size, float* x) {
    for (int64_t i = 0; i < size; i += S::kLanes) {
      S::Store(x + i, S::Add(S::Load(x + i), S::Load(y + i)));
    }
  }

  // To fp16, nearest, ties to even.
  static void ToHalf(const float* x, int64_t size, uint16_t* y) {
    for (int64_t i = 0; i < size; i += S::kLanes) S::StoreHalf(y + i, S::Load(x + i));
  }

  // common/ops/linear.h, QuantizedRow, written as one row of a panel (linear_task.h).
  static void QuantizeRow(const float* x, int64_t size, const QuantizedRowTarget& to) {
    for (int64_t b = 0; b < size / kQuantBlock; ++b, x += kQuantBlock) {
      const Float low = S::Load(x);
      const Float high = S::Load(x + S::kLanes);
      const float largest = LargestMagnitude(low, high);
      const bool is_zero = largest < kMinQuantMagnitude;
      const Float inverse = S::Set(is_zero ? 0.0f : 127.0f / largest);
      const typename S::Int low_integers = RoundToInt8(S::Mul(low, inverse));
      const typename S::Int high_integers = RoundToInt8(S::Mul(high, inverse));
      int8_t* values = to.values + b * kPanelRows * kQuantBlock;
      S::StoreInt8(values, low_integers);
      S::StoreInt8(values + S::kLanes, high_integers);
      const float scale = is_zero ? 0.0f : largest / 127.0f;
      const int32_t sum = S::SumInt(S::AddInt(low_integers, high_integers));
      to.scales[b * kPanelRows] = scale;
      to.sums[b * kPanelRows] = sum;
      to.scaled_sums[b * kPanelRows] = scale * static_cast<float>(sum);
    }
  }

 private:
  static float LargestMagnitude(Float a, Float b) {
    Float largest = S::Set(0.0f);
    largest = S::Select(S::Less(largest, S::Abs(a)), S::Abs(a), largest);
    largest = S::Select(S::Less(largest, S::Abs(b)), S::Abs(b), largest);
    return S::Max(largest);
  }

  // Clamped to [-127, 127] and rounded to nearest, ties to even; 0 for NaN.
  static typename S::Int RoundToInt8(Float x) {
    const Float limit = S::Set(127.0f);
    const Float negative_limit = S::Set(-127.0f);
    x = S::Select(S::Less(limit, x), limit, x);
    x = S::Select(S::Less(x, negative_limit), negative_limit, x);
    x = S::Select(S::IsNan(x), S::Set(0.0f), x);
    const Float shifter = S::Set(0x1.8p23f);  // rounds to an integer when added
    return S::SubInt(S::Bits(S::Add(x, shifter)), S::Bits(shifter));
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ROW_KERNELS_H_
