#include "tests/common/cuda/emulation/fused_sum_reference.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace chimera::testing {
namespace {

// Bit i is worth 2^(i - kPoint). Products of bf16 lie between 2^-266 and 2^256.
constexpr int kBits = 704;
constexpr int kPoint = 400;
using Magnitude = std::bitset<kBits>;

struct Term {
  bool is_negative;
  Magnitude magnitude;
  int exponent;
};

Magnitude MagnitudeOf(double value) {
  int exponent;
  const double fraction = std::frexp(std::fabs(value), &exponent);
  const auto digits = static_cast<uint64_t>(std::ldexp(fraction, 53));
  return Magnitude(digits) << (exponent - 53 + kPoint);
}

int ExponentOf(float value) { return value == 0 ? -126 : std::max(std::ilogb(value), -126); }

Magnitude Plus(const Magnitude& a, const Magnitude& b) {
  Magnitude sum;
  bool carry = false;
  for (int i = 0; i < kBits; ++i) {
    sum[i] = a[i] ^ b[i] ^ carry;
    carry = (a[i] && b[i]) || (carry && (a[i] || b[i]));
  }
  return sum;
}

// REQUIRES: a >= b.
Magnitude Minus(const Magnitude& a, const Magnitude& b) {
  Magnitude difference;
  bool borrow = false;
  for (int i = 0; i < kBits; ++i) {
    difference[i] = a[i] ^ b[i] ^ borrow;
    borrow = (!a[i] && (b[i] || borrow)) || (b[i] && borrow);
  }
  return difference;
}

bool IsLess(const Magnitude& a, const Magnitude& b) {
  for (int i = kBits - 1; i >= 0; --i) {
    if (a[i] != b[i]) return b[i];
  }
  return false;
}

// Without the bits that are worth less than 2^exponent.
Magnitude CutOff(Magnitude magnitude, int exponent) {
  for (int i = 0; i < std::min(exponent + kPoint, kBits); ++i) magnitude[i] = false;
  return magnitude;
}

float RoundedTowardZero(const Magnitude& magnitude) {
  int top = kBits - 1;
  while (top >= 0 && !magnitude[top]) --top;
  if (top < 0) return 0;
  const int exponent = top - kPoint;
  if (exponent >= 128) return std::numeric_limits<float>::infinity();
  const Magnitude rounded = CutOff(magnitude, std::max(exponent - 23, -149));
  double value = 0;
  for (int i = top; i >= 0 && i > top - 24; --i) {
    if (rounded[i]) value += std::ldexp(1.0, i - kPoint);
  }
  return static_cast<float>(value);
}

}  // namespace

float FusedSumReference(std::span<const float> a, std::span<const float> b, float accumulator,
                        int fraction_bits) {
  std::vector<Term> terms = {{accumulator < 0, MagnitudeOf(accumulator), ExponentOf(accumulator)}};
  for (size_t i = 0; i < a.size(); ++i) {
    const double product = double{a[i]} * b[i];
    if (product == 0) continue;
    terms.push_back({product < 0, MagnitudeOf(product), ExponentOf(a[i]) + ExponentOf(b[i])});
  }
  const int greatest = std::ranges::max(terms, {}, &Term::exponent).exponent;
  Magnitude positive;
  Magnitude negative;
  for (const Term& term : terms) {
    Magnitude& side = term.is_negative ? negative : positive;
    side = Plus(side, CutOff(term.magnitude, greatest - fraction_bits));
  }
  if (IsLess(positive, negative)) return -RoundedTowardZero(Minus(negative, positive));
  return RoundedTowardZero(Minus(positive, negative));
}

}  // namespace chimera::testing
