#include "common/cuda/emulation/tensor_core_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "common/base/float16.h"

namespace chimera::emulation {
namespace {

constexpr int kFp32FractionBits = 23;
constexpr int kBf16FractionBits = 7;
constexpr int kMinExponent = -126;  // of normal fp32 and bf16; subnormal numbers and 0 share it
constexpr int kExponentOfZero = -1000;
constexpr float kTensorCoreNan = std::bit_cast<float>(0x7fffffffu);

int ExponentOf(float value) {
  const auto field = static_cast<int>(std::bit_cast<uint32_t>(value) >> kFp32FractionBits & 0xffu);
  return std::max(field - 127, kMinExponent);
}

// With its sign, as a multiple of the last bit that numbers of this exponent have.
int32_t SignificandOf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const bool is_normal = (bits & 0x7f800000u) != 0;
  const auto magnitude = static_cast<int32_t>((bits & 0x7fffffu) | (is_normal ? 0x800000u : 0u));
  return bits >> 31 != 0 ? -magnitude : magnitude;
}

// significand * 2^(up - down), cut off toward zero.
int64_t Align(int64_t significand, int up, int down) {
  const int64_t aligned = std::abs(significand) << up >> std::min(down, 63);
  return significand < 0 ? -aligned : aligned;
}

// sum * 2^exponent, rounded toward zero.
float RoundTowardZero(int64_t sum, int exponent) {
  auto magnitude = static_cast<uint64_t>(std::abs(sum));
  const int width = std::bit_width(magnitude);
  // Of the result's last bit: 24 bits below the first, or that of subnormal numbers.
  const int last = std::max(exponent + width - 1, kMinExponent) - kFp32FractionBits;
  if (last >= exponent) {
    magnitude >>= std::min(last - exponent, 63);
  } else {
    magnitude <<= exponent - last;
  }
  auto bits = static_cast<uint32_t>(magnitude);
  if (magnitude >> kFp32FractionBits != 0) {  // normal: the first bit is implied
    const int field = last + kFp32FractionBits + 127;
    bits = field >= 255 ? 0x7f800000u : (bits & 0x7fffffu) | static_cast<uint32_t>(field) << 23;
  }
  return std::bit_cast<float>(bits | (sum < 0 ? 0x80000000u : 0u));
}

// Products `first` to `first` + `count` of a sum.
struct Group {
  int first;
  int count;
};

// In double, which is exact about infinities and NaN: finite terms cannot overflow.
float SumOfSpecialValues(const TensorCoreOperand& a, const TensorCoreOperand& b, const Group& group,
                         float accumulator) {
  double sum = accumulator;
  for (int i = group.first; i < group.first + group.count; ++i) {
    sum += double{a.value[i]} * b.value[i];
  }
  return std::isnan(sum) ? kTensorCoreNan : static_cast<float>(sum);
}

float FusedSum(const TensorCoreOperand& a, const TensorCoreOperand& b, const Group& group,
               int fraction_bits, float accumulator) {
  // Finite values may stand beside special ones in the other group; then this is a detour.
  if (!a.is_finite || !b.is_finite || !std::isfinite(accumulator)) {
    const float special = SumOfSpecialValues(a, b, group, accumulator);
    if (!std::isfinite(special)) return special;
  }
  const int exponent = ExponentOf(accumulator);
  int greatest = exponent;
  for (int i = group.first; i < group.first + group.count; ++i) {
    greatest = std::max(greatest, a.exponent[i] + b.exponent[i]);
  }
  int64_t sum =
      Align(SignificandOf(accumulator), fraction_bits - kFp32FractionBits, greatest - exponent);
  for (int i = group.first; i < group.first + group.count; ++i) {
    sum += Align(a.significand[i] * b.significand[i], fraction_bits - 2 * kBf16FractionBits,
                 greatest - a.exponent[i] - b.exponent[i]);
  }
  return RoundTowardZero(sum, greatest - fraction_bits);
}

float SequentialSum(const TensorCoreOperand& a, const TensorCoreOperand& b, float accumulator) {
  for (int i = 0; i < kTensorCoreDepth; ++i) {
    accumulator = std::fma(a.value[i], b.value[i], accumulator);
  }
  return std::isnan(accumulator) ? kTensorCoreNan : accumulator;
}

}  // namespace

TensorCoreOperand::TensorCoreOperand(std::span<const uint16_t, kTensorCoreDepth> bf16_bits)
    : is_finite(true) {
  for (int i = 0; i < kTensorCoreDepth; ++i) {
    value[i] = Bf16ToFloat(bf16_bits[i]);
    significand[i] = SignificandOf(value[i]) / (1 << (kFp32FractionBits - kBf16FractionBits));
    exponent[i] = significand[i] == 0 ? kExponentOfZero : ExponentOf(value[i]);
    is_finite &= std::isfinite(value[i]);
  }
}

float TensorCoreDot(TensorCoreModel model, const TensorCoreOperand& a, const TensorCoreOperand& b,
                    float accumulator) {
  switch (model) {
    case TensorCoreModel::kHopper:
      return FusedSum(a, b, {0, 16}, 25, accumulator);
    case TensorCoreModel::kAmpere:
      return FusedSum(a, b, {8, 8}, 24, FusedSum(a, b, {0, 8}, 24, accumulator));
    case TensorCoreModel::kSequential:
      return SequentialSum(a, b, accumulator);
  }
  return kTensorCoreNan;
}

}  // namespace chimera::emulation
