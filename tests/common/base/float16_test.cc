// Pages hold fp16, so their rounding is part of every numerics id.

#include "common/base/float16.h"

#include <gtest/gtest.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace chimera {
namespace {

constexpr int kHalves = 1 << 16;

uint32_t Bits(float value) { return std::bit_cast<uint32_t>(value); }

// The value by definition: (-1)^s * 2^e * 1.m, or a multiple of 2^-24 below 2^-14.
double ValueOf(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

bool IsFinite(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

TEST(Float16Test, EveryFiniteHalfHasItsValueAndComesBack) {
  for (int half = 0; half < kHalves; ++half) {
    const auto bits = static_cast<uint16_t>(half);
    if (!IsFinite(bits)) continue;
    EXPECT_EQ(HalfToFloat(bits), ValueOf(bits)) << half;
    EXPECT_EQ(std::signbit(HalfToFloat(bits)), half >= 0x8000) << half;
    EXPECT_EQ(FloatToHalf(HalfToFloat(bits)), bits) << half;
  }
}

TEST(Float16Test, RoundsToTheNearestHalfAndTiesToEven) {
  for (int half = 0; half < 0x7bff; ++half) {
    const float low = HalfToFloat(static_cast<uint16_t>(half));
    const float high = HalfToFloat(static_cast<uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;  // exact in fp32
    EXPECT_EQ(FloatToHalf(middle), half + half % 2) << half;
    EXPECT_EQ(FloatToHalf(std::nextafter(middle, 0.0f)), half) << half;
    EXPECT_EQ(FloatToHalf(std::nextafter(middle, high)), half + 1) << half;
    EXPECT_EQ(FloatToHalf(-middle), 0x8000 + half + half % 2) << half;
  }
}

TEST(Float16Test, OverflowGivesInfinity) {
  EXPECT_EQ(FloatToHalf(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(-std::numeric_limits<float>::max()), 0xfc00);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(HalfToFloat(0x7c00), std::numeric_limits<float>::infinity());
}

TEST(Float16Test, NansStayNansAndBecomeQuiet) {
  for (const uint32_t bits : {0x7f800001u, 0x7fc00000u, 0xff812345u}) {
    const uint16_t half = FloatToHalf(std::bit_cast<float>(bits));
    EXPECT_EQ(half & 0x7e00, 0x7e00);
    EXPECT_EQ(half & 0x8000, bits >> 16 & 0x8000);
    EXPECT_EQ(FloatToBf16(std::bit_cast<float>(bits)) & 0x7fc0, 0x7fc0);
  }
}

#ifdef __x86_64__
__attribute__((target("f16c"))) uint32_t HalfToFloatByInstruction(uint16_t half) {
  return Bits(_mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))));
}

__attribute__((target("f16c"))) uint16_t FloatToHalfByInstruction(float value) {
  const __m128i half = _mm_cvtps_ph(_mm_set_ss(value), _MM_FROUND_TO_NEAREST_INT);
  return static_cast<uint16_t>(_mm_cvtsi128_si32(half));
}

TEST(Float16Test, EqualsTheInstructions) {
  // Clang 14 cannot ask for F16C; every processor with AVX2 has it.
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "no F16C here";
  for (int half = 0; half < kHalves; ++half) {
    const auto bits = static_cast<uint16_t>(half);
    ASSERT_EQ(Bits(HalfToFloat(bits)), HalfToFloatByInstruction(bits)) << half;
  }
  std::mt19937 random(16);
  for (int i = 0; i < 4'000'000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    ASSERT_EQ(FloatToHalf(value), FloatToHalfByInstruction(value)) << Bits(value);
  }
}
#endif

TEST(Float16Test, Bf16IsTheNearestUpperHalfOfFp32) {
  EXPECT_EQ(FloatToBf16(1.0f), 0x3f80);
  EXPECT_EQ(FloatToBf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // a tie, to even
  EXPECT_EQ(FloatToBf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(FloatToBf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(FloatToBf16(std::numeric_limits<float>::max()), 0x7f80);
  for (int bits = 0; bits < kHalves; ++bits) {
    const float value = Bf16ToFloat(static_cast<uint16_t>(bits));
    EXPECT_EQ(Bits(value), static_cast<uint32_t>(bits) << 16);
    if (!std::isnan(value)) {
      EXPECT_EQ(FloatToBf16(value), bits);
    }
  }
}

}  // namespace
}  // namespace chimera
