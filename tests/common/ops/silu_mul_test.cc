#include "common/ops/silu_mul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/common/ops/rounding.h"

namespace chimera {
namespace {

using testing::kRounding;

std::vector<float> SiluMul(const std::vector<float>& gate, const std::vector<float>& up) {
  std::vector<float> y(gate.size());
  SiluMulReference(gate, up, y);
  return y;
}

TEST(SiluMulTest, IsWorkedOutByHand) {
  // The exponential is 1 at zero, vanishes beside 1 above 17, and is infinite below -88.
  EXPECT_EQ(SiluMul({0, 20, 88, -100}, {5, 3, -2, 7}), (std::vector<float>{0, 60, -176, -0.0f}));
}

TEST(SiluMulTest, AgreesWithDoublePrecision) {
  std::vector<float> gate, up;
  for (int i = -4000; i <= 4000; ++i) {
    gate.push_back(static_cast<float>(i) / 50.0f);
    up.push_back(static_cast<float>(i % 7 - 3) * 1.7f);
  }
  const std::vector<float> y = SiluMul(gate, up);
  for (size_t i = 0; i < y.size(); ++i) {
    const double expected = gate[i] / (1 + std::exp(-double{gate[i]})) * up[i];
    // ExpF is within 2 ulp, up to four roundings; the sum, the quotient and the product have one
    // each.
    ASSERT_NEAR(y[i], expected, 7 * kRounding * std::fabs(expected)) << gate[i];
  }
}

TEST(SiluMulTest, MayWriteOverEitherInput) {
  const std::vector<float> gate = {-2, 0.5f, 3}, up = {1, -4, 0.25f};
  const std::vector<float> expected = SiluMul(gate, up);
  std::vector<float> in_place = gate;
  SiluMulReference(in_place, up, in_place);
  EXPECT_EQ(in_place, expected);
  in_place = up;
  SiluMulReference(gate, in_place, in_place);
  EXPECT_EQ(in_place, expected);
}

}  // namespace
}  // namespace chimera
