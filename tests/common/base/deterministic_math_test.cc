#include "common/base/deterministic_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tests/testing/special_values.h"

namespace chimera {
namespace {

using ::chimera::testing::kInfinity;
using ::chimera::testing::kNan;

// Distance in units of the spacing of floats at `expected`.
double UlpError(float actual, long double expected) {
  const float rounded = static_cast<float>(expected);
  const float next = std::nextafter(std::fabs(rounded), kInfinity);
  const long double spacing = static_cast<long double>(next) - std::fabs(rounded);
  return static_cast<double>(std::fabs(actual - expected) / spacing);
}

TEST(DeterministicMathTest, ExpIsWithinTwoUlp) {
  double worst = 0;
  for (int i = 0; i <= 2000000; ++i) {
    const float x = static_cast<float>(-87.0 + i * (175.0 / 2000000));
    worst = std::max(worst, UlpError(ExpF(x), std::exp(static_cast<long double>(x))));
  }
  for (float x = 1.0f; x > 1e-30f; x *= 0.99f) {
    worst = std::max(worst, UlpError(ExpF(x), std::exp(static_cast<long double>(x))));
    worst = std::max(worst, UlpError(ExpF(-x), std::exp(static_cast<long double>(-x))));
  }
  EXPECT_LT(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(DeterministicMathTest, ExpAtItsLimits) {
  EXPECT_EQ(ExpF(0.0f), 1.0f);
  EXPECT_GT(ExpF(-87.0f), 0.0f);
  EXPECT_EQ(ExpF(std::nextafter(-87.0f, -kInfinity)), 0.0f);
  EXPECT_EQ(ExpF(-kInfinity), 0.0f);
  EXPECT_LT(ExpF(88.0f), kInfinity);
  EXPECT_EQ(ExpF(std::nextafter(88.0f, kInfinity)), kInfinity);
  EXPECT_EQ(ExpF(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(ExpF(kNan)));
}

// Every 797th positive float.
TEST(DeterministicMathTest, LogIsWithinTwoUlp) {
  double worst = 0;
  for (uint32_t bits = 1; bits < 0x7f800000; bits += 797) {
    const float x = std::bit_cast<float>(bits);
    worst = std::max(worst, UlpError(LogF(x), std::log(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(DeterministicMathTest, LogIsAccurateAroundOne) {
  double worst = 0;
  for (uint32_t bits = 0x3f700000; bits < 0x3f900000; ++bits) {
    const float x = std::bit_cast<float>(bits);
    if (x != 1.0f) {
      worst = std::max(worst, UlpError(LogF(x), std::log(static_cast<long double>(x))));
    }
  }
  EXPECT_LT(worst, 2.0);
}

TEST(DeterministicMathTest, LogAtItsLimits) {
  EXPECT_EQ(LogF(1.0f), 0.0f);
  EXPECT_EQ(LogF(0.0f), -kInfinity);
  EXPECT_EQ(LogF(-0.0f), -kInfinity);
  EXPECT_EQ(LogF(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(LogF(-1.0f)));
  EXPECT_TRUE(std::isnan(LogF(-std::numeric_limits<float>::denorm_min())));
  EXPECT_TRUE(std::isnan(LogF(-kInfinity)));
  EXPECT_TRUE(std::isnan(LogF(kNan)));
}

// Every 613th float of (-1, 0).
TEST(DeterministicMathTest, Log1pIsWithinFourUlp) {
  double worst = 0;
  for (uint32_t bits = 0x80800000; bits < 0xbf800000; bits += 613) {
    const float x = std::bit_cast<float>(bits);
    worst = std::max(worst, UlpError(Log1pF(x), std::log1p(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4.0);
  RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_EQ(Log1pF(0.0f), 0.0f);
  const float last = std::nextafter(-1.0f, 0.0f);
  EXPECT_LT(UlpError(Log1pF(last), std::log1p(static_cast<long double>(last))), 4.0);
}

TEST(DeterministicMathTest, SinCosIsWithinItsBound) {
  for (int i = 0; i < 1000000; ++i) {
    const double x = (i % 2 == 0 ? 1 : -1) * 0x1p24 * std::pow(i / 1e6, 8.0);
    double sine, cosine;
    SinCos(x, &sine, &cosine);
    const double bound = 1e-15 * std::max(1.0, std::fabs(x));
    ASSERT_NEAR(sine, std::sin(static_cast<long double>(x)), bound) << x;
    ASSERT_NEAR(cosine, std::cos(static_cast<long double>(x)), bound) << x;
  }
}

TEST(DeterministicMathTest, PowIsWithinItsBound) {
  for (const double base : {1e-3, 0.5, 1.0, 2.0, 1e4, 1e5, 5e5, 1e6}) {
    for (int i = -400; i <= 400; ++i) {
      const double exponent = i / 200.0;
      const long double expected = std::pow(static_cast<long double>(base), exponent);
      ASSERT_NEAR(Pow(base, exponent), expected, 1e-13 * expected) << base << "^" << exponent;
    }
  }
}

// The bits themselves, over a spread of arguments. Every build type and compiler runs this test, so
// it shows that they agree; a change of the value is a change of every numerics id.
TEST(DeterministicMathTest, GoldenBits) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](uint64_t bits) { hash = (hash ^ bits) * 0x100000001b3; };
  for (int i = 1; i < 100000; ++i) {
    const float x = static_cast<float>(i) * 0.00087f;
    add(std::bit_cast<uint32_t>(ExpF(-x)));
    add(std::bit_cast<uint32_t>(LogF(x)));
    add(std::bit_cast<uint32_t>(Log1pF(x / -88.0f)));
    double sine, cosine;
    SinCos(x * 1000.0, &sine, &cosine);
    add(std::bit_cast<uint64_t>(sine));
    add(std::bit_cast<uint64_t>(cosine));
    add(std::bit_cast<uint64_t>(Pow(1e5, -x / 88.0)));
  }
  EXPECT_EQ(hash, 0x3088217b086a166eULL) << std::hex << hash;
}

}  // namespace
}  // namespace chimera
