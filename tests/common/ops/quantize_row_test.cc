// Quantisation of activations.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/ops/linear.h"
#include "tests/common/ops/rounding.h"

namespace chimera {
namespace {

using testing::kRounding;
using testing::RandomVector;

// A block that starts with `values` and goes on with zeros.
std::vector<float> Block(std::vector<float> values) {
  values.resize(kQuantBlock);
  return values;
}

std::vector<int> Values(const QuantizedRow& row, size_t count) {
  return {row.values.begin(), row.values.begin() + static_cast<ptrdiff_t>(count)};
}

TEST(QuantizeRowTest, RoundsToNearestWithTiesToEven) {
  const QuantizedRow row =
      QuantizeRowReference(Block({127, -127, 62.5f, 63.5f, -62.5f, -63.5f, 0.49f, -0.51f}));
  EXPECT_EQ(Values(row, 8), (std::vector<int>{127, -127, 62, 64, -62, -64, 0, -1}));
  EXPECT_EQ(row.scales, std::vector<float>{1});
  EXPECT_EQ(row.sums, std::vector<int32_t>{-1});
}

TEST(QuantizeRowTest, EveryBlockHasAScaleOfItsOwn) {
  std::vector<float> x = Block({254, 2});
  const std::vector<float> second = Block({-0.5f, 0.25f});
  x.insert(x.end(), second.begin(), second.end());
  const QuantizedRow row = QuantizeRowReference(x);
  EXPECT_EQ(row.scales, (std::vector<float>{2, 0.5f / 127}));
  EXPECT_EQ(row.sums, (std::vector<int32_t>{128, -127 + 64})) << "63.5 is rounded to 64";
}

TEST(QuantizeRowTest, ZerosAndTinyBlocksBecomeZeros) {
  for (const float largest : {0.0f, 0x1p-101f, -0x1p-149f}) {
    const QuantizedRow row = QuantizeRowReference(Block({largest}));
    EXPECT_EQ(Values(row, kQuantBlock), std::vector<int>(kQuantBlock)) << largest;
    EXPECT_EQ(row.scales, std::vector<float>{0}) << largest;
  }
  EXPECT_EQ(QuantizeRowReference(Block({kMinQuantMagnitude})).values.front(), 127);
}

TEST(QuantizeRowTest, NanNeverCounts) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const QuantizedRow row = QuantizeRowReference(Block({nan, 3, -3, nan}));
  EXPECT_EQ(Values(row, 4), (std::vector<int>{0, 127, -127, 0}));
  EXPECT_EQ(row.sums, std::vector<int32_t>{0});
}

TEST(QuantizeRowTest, IsWithinHalfAStep) {
  std::mt19937 random(1);
  for (const float magnitude : {0x1p-90f, 1e-6f, 1.0f, 3e4f, 0x1p100f}) {
    std::vector<float> x = RandomVector(int64_t{kQuantBlock} * 50, &random);
    for (float& value : x) value *= magnitude;
    const QuantizedRow row = QuantizeRowReference(x);
    for (size_t i = 0; i < x.size(); ++i) {
      const double step = row.scales[i / kQuantBlock];
      // The element is scaled with two roundings and its step has one: of up to 127 steps.
      ASSERT_NEAR(row.values[i] * step, x[i], (0.5 + 127 * 3 * kRounding) * step) << magnitude;
    }
  }
}

TEST(QuantizeRowTest, SumsAreThoseOfTheValues) {
  std::mt19937 random(2);
  const QuantizedRow row = QuantizeRowReference(RandomVector(int64_t{kQuantBlock} * 9, &random));
  ASSERT_EQ(row.sums.size(), 9u);
  for (size_t b = 0; b < row.sums.size(); ++b) {
    int32_t sum = 0;
    for (int i = 0; i < kQuantBlock; ++i) sum += row.values[b * kQuantBlock + i];
    EXPECT_EQ(row.sums[b], sum);
  }
}

TEST(QuantizeRowTest, BlocksDoNotInfluenceEachOther) {
  std::mt19937 random(3);
  std::vector<float> x = RandomVector(int64_t{kQuantBlock} * 2, &random);
  const QuantizedRow before = QuantizeRowReference(x);
  for (int i = 0; i < kQuantBlock; ++i) x[i] *= 1000;
  const QuantizedRow after = QuantizeRowReference(x);
  EXPECT_EQ(after.scales[1], before.scales[1]);
  EXPECT_TRUE(std::equal(before.values.begin() + kQuantBlock, before.values.end(),
                         after.values.begin() + kQuantBlock));
}

}  // namespace
}  // namespace chimera
