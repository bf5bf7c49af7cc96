#include "tests/common/cuda/gpu/tensor_core_fragments.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <span>

#include "common/base/float16.h"

namespace chimera::testing {
namespace {

// A number with a random sign and mantissa.
uint16_t Bf16OfExponent(int exponent, std::mt19937* random) {
  const auto field = static_cast<uint32_t>(std::clamp(exponent + 127, 0, 254));
  return static_cast<uint16_t>(field << 7 | ((*random)() & 0x807fu));
}

float FloatOfExponent(int exponent, std::mt19937* random) {
  const uint32_t high = Bf16OfExponent(exponent, random);
  const auto low = static_cast<uint32_t>((*random)() & 0xffffu);
  return std::bit_cast<float>(high << 16 | low);
}

int Between(int low, int high, std::mt19937* random) {
  return low + static_cast<int>((*random)() % static_cast<uint32_t>(high - low + 1));
}

// Fragments whose product number k has exponents around first[k] + second[k].
TensorCoreFragments OfExponents(const std::array<int, 16>& first, const std::array<int, 16>& second,
                                int accumulator, std::mt19937* random) {
  TensorCoreFragments fragments;
  for (int i = 0; i < 256; ++i) fragments.a[i] = Bf16OfExponent(first[i % 16], random);
  for (int i = 0; i < 128; ++i) fragments.b[i] = Bf16OfExponent(second[i / 8], random);
  for (float& c : fragments.c) c = FloatOfExponent(accumulator, random);
  return fragments;
}

// Of exponents in a range.
TensorCoreFragments InRange(int low, int high, std::mt19937* random) {
  TensorCoreFragments fragments;
  const auto exponent = [&] { return Between(low, high, random); };
  for (uint16_t& x : fragments.a) x = Bf16OfExponent(exponent(), random);
  for (uint16_t& x : fragments.b) x = Bf16OfExponent(exponent(), random);
  for (float& x : fragments.c) x = FloatOfExponent(exponent(), random);
  return fragments;
}

// Ordinary fragments with some of these elements: few, so that most sums have one of them at most.
TensorCoreFragments With(std::span<const uint16_t> special, std::mt19937* random) {
  TensorCoreFragments fragments = OrdinaryFragments(random);
  const auto element = [&] { return special[(*random)() % special.size()]; };
  for (int i = 0; i < 4; ++i) {
    fragments.a[(*random)() % 256] = element();
    fragments.b[(*random)() % 128] = element();
    fragments.c[(*random)() % 128] = Bf16ToFloat(element());
  }
  return fragments;
}

}  // namespace

TensorCoreFragments OrdinaryFragments(std::mt19937* random) {
  static constexpr int kRanges[][2] = {{-7, 3}, {-17, 13}, {-50, 50}};
  const auto& range = kRanges[(*random)() % std::size(kRanges)];
  return InRange(range[0], range[1], random);
}

TensorCoreFragments EdgeFragments(std::mt19937* random) {
  std::array<int, 16> first;
  std::array<int, 16> second = {};
  for (int& exponent : first) exponent = -Between(18, 30, random);
  int accumulator = -Between(18, 30, random);
  const int great = Between(0, 16, random);
  if (great == 16) {
    accumulator = 0;
  } else {
    first[great] = 0;
  }
  return OfExponents(first, second, accumulator, random);
}

TensorCoreFragments CancellingFragments(std::mt19937* random) {
  std::array<int, 16> first;
  std::array<int, 16> second;
  for (int k = 0; k < 16; ++k) {
    first[k] = Between(-12, 0, random);
    second[k] = Between(-12, 0, random);
  }
  TensorCoreFragments fragments = OfExponents(first, second, Between(-26, 0, random), random);
  const int distance = (*random)() % 2 == 0 ? 1 : 8;
  for (int k = 0; k + distance < 16; k += 2 * distance) {
    for (int row = 0; row < 16; ++row) {
      fragments.a[row * 16 + k + distance] = fragments.a[row * 16 + k] ^ 0x8000u;
    }
    for (int column = 0; column < 8; ++column) {
      fragments.b[(k + distance) * 8 + column] = fragments.b[k * 8 + column];
    }
  }
  return fragments;
}

TensorCoreFragments ZeroFragments(std::mt19937* random) {
  static constexpr uint16_t kZeros[] = {0x0000, 0x8000};
  TensorCoreFragments fragments = With(kZeros, random);
  if ((*random)() % 2 == 0) return fragments;
  for (uint16_t& x : fragments.a) x = kZeros[(*random)() % 2];
  for (float& x : fragments.c) x = Bf16ToFloat(kZeros[(*random)() % 2]);
  return fragments;
}

TensorCoreFragments SubnormalFragments(std::mt19937* random) {
  static constexpr uint16_t kSubnormal[] = {0x0001, 0x807f};
  switch ((*random)() % 3) {
    case 0:
      return With(kSubnormal, random);
    case 1:
      return InRange(-127, -57, random);
    default:
      return InRange(-77, -61, random);
  }
}

TensorCoreFragments OverflowingFragments(std::mt19937* random) {
  static constexpr uint16_t kLargest[] = {0x7f7f, 0xff7f};
  switch ((*random)() % 3) {
    case 0:
      return With(kLargest, random);
    case 1:
      return InRange(53, 127, random);
    default:
      return InRange(58, 63, random);
  }
}

TensorCoreFragments FiniteFragments(std::mt19937* random) { return InRange(-127, 127, random); }

TensorCoreFragments InfiniteFragments(std::mt19937* random) {
  static constexpr uint16_t kInfinite[] = {0x7f80, 0xff80};
  return With(kInfinite, random);
}

TensorCoreFragments NanFragments(std::mt19937* random) {
  static constexpr uint16_t kNan[] = {0x7fc1, 0xffff};
  return With(kNan, random);
}

}  // namespace chimera::testing
