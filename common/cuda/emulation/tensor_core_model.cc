#include "common/cuda/emulation/tensor_core_model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "common/base/float16.h"

namespace chimera::emulation {
namespace {

constexpr int kFp32FractionBits = 23;
constexpr int kBf16FractionBits = 7;
constexpr int kMinExponent = -126;  // of normal fp32 and bf16; subnormal numbers and 0 share it
constexpr float kTensorCoreNan = std::bit_cast<float>(0x7fffffffu);

// A finite number: +-significand * 2^(exponent - fraction bits of its format).
struct Parts {
  bool is_negative;
  uint64_t significand;
  int exponent;
};

Parts Split(uint32_t bits, int width, int fraction_bits) {
  const int field = static_cast<int>(bits >> fraction_bits & 0xffu);
  const uint32_t implied = field == 0 ? 0u : 1u << fraction_bits;
  return {bits >> (width - 1) != 0, (bits & ((1u << fraction_bits) - 1)) | implied,
          std::max(field, 1) - 127};
}

// Cuts off what lies below 2^(greatest - fraction_bits), the unit of the result.
int64_t Align(const Parts& term, int term_fraction_bits, int greatest, int fraction_bits) {
  const uint64_t scaled = term.significand << (fraction_bits - term_fraction_bits);
  const auto aligned = static_cast<int64_t>(scaled >> std::min(greatest - term.exponent, 63));
  return term.is_negative ? -aligned : aligned;
}

// sum * 2^exponent, rounded toward zero.
float RoundTowardZero(int64_t sum, int exponent) {
  uint64_t magnitude = static_cast<uint64_t>(std::abs(sum));
  const int width = std::bit_width(magnitude);
  // Of the result's last bit: 24 bits below the first, or that of subnormal numbers.
  const int last = std::max(exponent + width - 1, kMinExponent) - kFp32FractionBits;
  if (last >= exponent) {
    magnitude >>= std::min(last - exponent, 63);
  } else {
    magnitude <<= exponent - last;
  }
  uint32_t bits = static_cast<uint32_t>(magnitude);
  if (magnitude >> kFp32FractionBits != 0) {  // normal: the first bit is implied
    const int field = last + kFp32FractionBits + 127;
    bits = field >= 255 ? 0x7f800000u : (bits & 0x7fffffu) | static_cast<uint32_t>(field) << 23;
  }
  return std::bit_cast<float>(bits | (sum < 0 ? 0x80000000u : 0u));
}

// The dot product in double, which is exact about infinities and NaN: finite terms cannot overflow.
double SumInDouble(std::span<const uint16_t> a, std::span<const uint16_t> b, float accumulator) {
  double sum = accumulator;
  for (size_t i = 0; i < a.size(); ++i) sum += double{Bf16ToFloat(a[i])} * Bf16ToFloat(b[i]);
  return sum;
}

// The accumulator plus a group of products.
float FusedSum(std::span<const uint16_t> a, std::span<const uint16_t> b, float accumulator,
               int fraction_bits) {
  const double special = SumInDouble(a, b, accumulator);
  if (std::isnan(special)) return kTensorCoreNan;
  if (std::isinf(special)) return static_cast<float>(special);

  const Parts c = Split(std::bit_cast<uint32_t>(accumulator), 32, kFp32FractionBits);
  std::array<Parts, kTensorCoreDepth> products;
  int greatest = c.exponent;
  for (size_t i = 0; i < a.size(); ++i) {
    const Parts x = Split(a[i], 16, kBf16FractionBits);
    const Parts y = Split(b[i], 16, kBf16FractionBits);
    products[i] = {x.is_negative != y.is_negative, x.significand * y.significand,
                   x.exponent + y.exponent};
    if (products[i].significand != 0) greatest = std::max(greatest, products[i].exponent);
  }
  int64_t sum = Align(c, kFp32FractionBits, greatest, fraction_bits);
  for (size_t i = 0; i < a.size(); ++i) {
    if (products[i].significand == 0) continue;  // its exponent may exceed the greatest
    sum += Align(products[i], 2 * kBf16FractionBits, greatest, fraction_bits);
  }
  return RoundTowardZero(sum, greatest - fraction_bits);
}

float SequentialSum(std::span<const uint16_t> a, std::span<const uint16_t> b, float accumulator) {
  for (size_t i = 0; i < a.size(); ++i) {
    accumulator = std::fma(Bf16ToFloat(a[i]), Bf16ToFloat(b[i]), accumulator);
  }
  return std::isnan(accumulator) ? kTensorCoreNan : accumulator;
}

}  // namespace

float TensorCoreDot(TensorCoreModel model, std::span<const uint16_t, kTensorCoreDepth> a,
                    std::span<const uint16_t, kTensorCoreDepth> b, float accumulator) {
  if (model == TensorCoreModel::kSequential) return SequentialSum(a, b, accumulator);
  if (model == TensorCoreModel::kHopper) return FusedSum(a, b, accumulator, 25);
  constexpr int kGroup = 8;
  for (int first = 0; first < kTensorCoreDepth; first += kGroup) {
    accumulator = FusedSum(a.subspan(first, kGroup), b.subspan(first, kGroup), accumulator, 24);
  }
  return accumulator;
}

}  // namespace chimera::emulation
