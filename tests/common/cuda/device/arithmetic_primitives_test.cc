// Arithmetic on the device as the emulator runs it, through the kernel that GPUs run as well.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "common/cuda/emulation/emulator.h"
#include "tests/common/cuda/device/primitive_kernels.h"
#include "tests/testing/special_values.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;

// Results by operation of ArithmeticArguments.
std::vector<uint32_t> Compute(const std::vector<float>& a, const std::vector<float>& b,
                              const std::vector<float>& c) {
  std::vector<uint32_t> results(ArithmeticArguments::kOperations * a.size());
  Emulator emulator({.seed = 1});
  CHIMERA_EXPECT_OK(LaunchArithmetic(StreamView(emulator), {static_cast<int>(a.size()), a.data(),
                                                            b.data(), c.data(), results.data()}));
  return results;
}

float Result(const std::vector<uint32_t>& results, int operation) {
  return std::bit_cast<float>(
      results[operation * results.size() / ArithmeticArguments::kOperations]);
}

TEST(ArithmeticPrimitivesTest, ArithmeticRoundsToNearestEven) {
  using Arguments = ArithmeticArguments;
  const auto results = Compute({1 + 0x1p-23f}, {1 - 0x1p-24f}, {-1});
  EXPECT_EQ(Result(results, Arguments::kAdd), 2) << "2 + 2^-24, half-way to the next";
  EXPECT_EQ(Result(results, Arguments::kSub), 0x1.8p-23f);
  EXPECT_EQ(Result(results, Arguments::kMul), 1) << "1 + 2^-24 - 2^-47";
  EXPECT_EQ(Result(results, Arguments::kFma), 0x1p-24f - 0x1p-47f) << "rounded once";
  EXPECT_EQ(Result(results, Arguments::kDiv), 1 + 0x1p-22f) << "1 + 2^-23 + 2^-24 + ...";
  EXPECT_EQ(Result(results, Arguments::kMax), 1 + 0x1p-23f);
  EXPECT_EQ(Result(results, Arguments::kSqrt), 1);
  const auto subnormal = Compute({0x1p-140f}, {0x1p-141f}, {0});
  EXPECT_EQ(Result(subnormal, Arguments::kAdd), 0x1.8p-140f) << "not flushed to zero";
}

TEST(ArithmeticPrimitivesTest, Bf16) {
  using Arguments = ArithmeticArguments;
  const float tie_to_even = 1 + 0x1p-8f;
  const float tie_to_odd = 1 + 0x1.8p-7f;
  const auto results = Compute({tie_to_even}, {tie_to_odd}, {0});
  EXPECT_EQ(results[Arguments::kToBf16], 0x3f80u);
  EXPECT_EQ(results[Arguments::kPack], 0x3f823f80u);
  EXPECT_EQ(Result(results, Arguments::kUnpack), 0x1p-6f);
  EXPECT_EQ(Result(results, Arguments::kFromBf16), 1);
  const auto nan = Compute({-std::numeric_limits<float>::quiet_NaN()}, {kInfinity}, {0});
  EXPECT_EQ(nan[Arguments::kToBf16], 0x7fffu);
  EXPECT_EQ(nan[Arguments::kPack], 0x7f807fffu);
}

// Distance from the exact value in units of the spacing of floats there.
double UlpError(float actual, double expected) {
  const float rounded = std::fabs(static_cast<float>(expected));
  return std::fabs(actual - expected) / (double{std::nextafter(rounded, kInfinity)} - rounded);
}

TEST(ArithmeticPrimitivesTest, Exp2AndLogAreAccurate) {
  std::vector<float> positive;
  std::vector<float> exponents;
  for (int i = 0; i < 20000; ++i) {
    exponents.push_back(-126.0f + static_cast<float>(i) * (253.99f / 20000));
    positive.push_back(std::bit_cast<float>(static_cast<uint32_t>(1 + i * 106000)));
  }
  const auto results = Compute(positive, exponents, exponents);
  double worst_exp2 = 0;
  double worst_log = 0;
  for (size_t i = 0; i < positive.size(); ++i) {
    const auto at = [&](int operation) {
      return std::bit_cast<float>(results[operation * positive.size() + i]);
    };
    worst_exp2 = std::max(
        worst_exp2, UlpError(at(ArithmeticArguments::kExp2), std::exp2(double{exponents[i]})));
    worst_log =
        std::max(worst_log, UlpError(at(ArithmeticArguments::kLog), std::log(double{positive[i]})));
  }
  EXPECT_LT(worst_exp2, 2);
  EXPECT_LT(worst_log, 2);
}

TEST(ArithmeticPrimitivesTest, Exp2AtItsLimits) {
  const auto exp2 = [](const std::vector<float>& x) {
    const auto bits = Compute(x, x, x);
    std::vector<float> results;
    for (size_t i = 0; i < x.size(); ++i) {
      results.push_back(std::bit_cast<float>(bits[ArithmeticArguments::kExp2 * x.size() + i]));
    }
    return results;
  };
  std::vector<float> whole;
  std::vector<float> powers;
  for (int i = -126; i < 128; ++i) {
    whole.push_back(static_cast<float>(i));
    powers.push_back(std::ldexp(1.0f, i));
  }
  EXPECT_EQ(exp2(whole), powers);
  EXPECT_EQ(exp2({std::nextafter(-126.0f, -kInfinity), -1e30f, -kInfinity}),
            (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(exp2({128, 1e30f, kInfinity}), std::vector<float>(3, kInfinity));
  const auto others = exp2({std::nextafter(128.0f, 0.0f), std::numeric_limits<float>::quiet_NaN()});
  EXPECT_LT(others[0], kInfinity);
  EXPECT_TRUE(std::isnan(others[1]));
}

}  // namespace
}  // namespace chimera::testing
