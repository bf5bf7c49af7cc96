#include "common/ops/rms_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/common/ops/rounding.h"

namespace chimera {
namespace {

using testing::kRounding;
using testing::RandomVector;

std::vector<float> Norm(const std::vector<float>& x, const std::vector<float>& weight,
                        float epsilon) {
  std::vector<float> y(x.size());
  RmsNormReference(x, weight, epsilon, y);
  return y;
}

TEST(RmsNormTest, IsWorkedOutByHand) {
  // Mean square 4, scale 1/2: every operation is exact.
  EXPECT_EQ(Norm({2, -2, 2, -2}, {1, 3, -0.5f, 0}, 0), (std::vector<float>{1, -3, -0.5f, 0}));
  // Mean square 12, epsilon 4, scale 1/4.
  EXPECT_EQ(Norm({6, 2, 2, 2}, {1, 1, 1, 2}, 4), (std::vector<float>{1.5f, 0.5f, 0.5f, 1}));
}

TEST(RmsNormTest, ZerosStayZeros) {
  EXPECT_EQ(Norm(std::vector<float>(32), std::vector<float>(32, 1), 1e-5f), std::vector<float>(32));
}

TEST(RmsNormTest, AgreesWithDoublePrecision) {
  std::mt19937 random(1);
  for (const int size : {1, 15, 16, 17, 64, 576, 1537}) {
    const std::vector<float> x = RandomVector(size, &random);
    const std::vector<float> weight = RandomVector(size, &random);
    constexpr float kEpsilon = 1e-5f;
    const std::vector<float> y = Norm(x, weight, kEpsilon);
    double sum = 0;
    for (const float value : x) sum += double{value} * value;
    const double scale = 1 / std::sqrt(sum / size + double{kEpsilon});
    // The sum is rounded once per element of a lane and four times between lanes, of which the
    // square root halves the effect; six more operations follow.
    const int sum_roundings = size / 16 + 1 + 4;
    const double roundings = sum_roundings / 2.0 + 6;
    for (int i = 0; i < size; ++i) {
      const double expected = x[i] * scale * weight[i];
      ASSERT_NEAR(y[i], expected, roundings * kRounding * std::fabs(expected)) << size << " " << i;
    }
  }
}

TEST(RmsNormTest, DoesNotDependOnTheScaleOfItsInput) {
  std::mt19937 random(2);
  const std::vector<float> x = RandomVector(192, &random);
  const std::vector<float> weight = RandomVector(192, &random);
  std::vector<float> larger = x;
  for (float& value : larger) value *= 16;  // a power of two: no rounding changes
  EXPECT_EQ(Norm(larger, weight, 0), Norm(x, weight, 0));
  EXPECT_NE(Norm(larger, weight, 1e-2f), Norm(x, weight, 1e-2f)) << "epsilon is not scaled";
}

TEST(RmsNormTest, MayWriteOverItsInput) {
  std::mt19937 random(3);
  std::vector<float> x = RandomVector(100, &random);
  const std::vector<float> weight = RandomVector(100, &random);
  const std::vector<float> expected = Norm(x, weight, 1e-5f);
  RmsNormReference(x, weight, 1e-5f, x);
  EXPECT_EQ(x, expected);
}

}  // namespace
}  // namespace chimera
