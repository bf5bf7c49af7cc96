#include "common/ops/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/float16.h"
#include "tests/common/cpu/random_weight.h"
#include "tests/common/ops/rounding.h"

namespace chimera {
namespace {

using testing::kRounding;
using testing::RandomActivations;
using testing::RandomVector;
using testing::RandomWeight;

constexpr int64_t kRows = 13;
constexpr int64_t kColumns = 224;

bool IsQuantized(DataType type) { return BlockElements(type) > 1; }

double HalfAt(std::span<const std::byte> bytes, size_t offset) {
  uint16_t half;
  std::memcpy(&half, bytes.data() + offset, sizeof(half));
  return HalfToFloat(half);
}

// Element `i` of a row, by the definition of its format.
double WeightAt(DataType type, std::span<const std::byte> row, int64_t i) {
  const std::span<const std::byte> block =
      row.subspan(i / BlockElements(type) * BlockBytes(type), BlockBytes(type));
  const int64_t e = i % BlockElements(type);
  const auto nibble = [&](size_t offset) {
    const int both = std::to_integer<int>(block[offset + e % 16]);
    return e < 16 ? both % 16 : both / 16;
  };
  switch (type) {
    case DataType::kF32: {
      float value;
      std::memcpy(&value, block.data(), sizeof(value));
      return value;
    }
    case DataType::kF16:
      return HalfAt(block, 0);
    case DataType::kBf16: {
      uint16_t bf16;
      std::memcpy(&bf16, block.data(), sizeof(bf16));
      return Bf16ToFloat(bf16);
    }
    case DataType::kQ8_0:
      return HalfAt(block, 0) * static_cast<int8_t>(std::to_integer<uint8_t>(block[2 + e]));
    case DataType::kQ4_0:
      return HalfAt(block, 0) * (nibble(2) - 8);
    case DataType::kQ4_1:
      return HalfAt(block, 0) * nibble(4) + HalfAt(block, 2);
  }
  return 0;
}

// The largest term that RandomWeight's blocks put into a sum, per unit of activation: scales are at
// most 1004 / 1000, times the largest integer, plus the minimum.
double LargestTerm(DataType type) {
  switch (type) {
    case DataType::kQ8_0:
      return 1.004 * 128;
    case DataType::kQ4_0:
    case DataType::kQ4_1:
      return 1.004 * (15 + 8);
    default:
      return 1.004;
  }
}

// What rounding may do to a feature's sum: one rounding per element, or two products of two
// roundings and two additions per block.
double RoundingBound(DataType type, std::span<const float> x) {
  double magnitude = 0;
  for (const float value : x) magnitude += std::fabs(value) * LargestTerm(type);
  const double roundings =
      IsQuantized(type) ? 6.0 * static_cast<double>(x.size()) / kQuantBlock : x.size();
  return roundings * kRounding * magnitude;
}

class LinearTest : public ::testing::TestWithParam<DataType> {
 protected:
  std::vector<float> Multiply(std::span<const float> x) const {
    std::vector<float> y(kRows);
    LinearReference(weight_.view(), x, y);
    return y;
  }

  double WeightOf(int64_t feature, int64_t i) const {
    return WeightAt(GetParam(), weight_.view().row(feature), i);
  }

  // The product in double precision.
  double Product(int64_t feature, std::span<const float> x) const {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) sum += WeightOf(feature, i) * x[i];
    return sum;
  }

  std::mt19937 random_{1};
  const RandomWeight weight_{GetParam(), kRows, kColumns, &random_};
};

// 127 in one place is quantised without error and picks out one column.
TEST_P(LinearTest, EveryElementIsInItsPlace) {
  for (int64_t i = 0; i < kColumns; ++i) {
    std::vector<float> x(kColumns);
    x[i] = 127;
    const std::vector<float> y = Multiply(x);
    for (int64_t feature = 0; feature < kRows; ++feature) {
      ASSERT_NEAR(y[feature], 127 * WeightOf(feature, i), RoundingBound(GetParam(), x)) << i;
    }
  }
}

// Integers up to 127, which every block has, are quantised without error: only rounding is left.
TEST_P(LinearTest, AgreesWithDoublePrecision) {
  std::vector<float> x(kColumns);
  for (int64_t i = 0; i < kColumns; ++i) {
    x[i] = i % kQuantBlock == 5 ? 127.0f : static_cast<float>(random_() % 255) - 127.0f;
  }
  const std::vector<float> y = Multiply(x);
  for (int64_t feature = 0; feature < kRows; ++feature) {
    ASSERT_NEAR(y[feature], Product(feature, x), RoundingBound(GetParam(), x)) << feature;
  }
}

TEST_P(LinearTest, QuantisationCostsHalfAStepPerActivation) {
  for (int round = 0; round < 20; ++round) {
    const std::vector<float> x =
        round % 2 == 0 ? RandomVector(kColumns, &random_) : RandomActivations(kColumns, &random_);
    const std::vector<float> y = Multiply(x);
    const QuantizedRow row = QuantizeRowReference(x);
    for (int64_t feature = 0; feature < kRows; ++feature) {
      double bound = RoundingBound(GetParam(), x);
      for (int64_t i = 0; IsQuantized(GetParam()) && i < kColumns; ++i) {
        // As QuantizeRowTest.IsWithinHalfAStep has it.
        const double error = (0.5 + 127 * 3 * kRounding) * row.scales[i / kQuantBlock];
        bound += error * std::fabs(WeightOf(feature, i));
      }
      ASSERT_NEAR(y[feature], Product(feature, x), bound) << feature;
    }
  }
}

TEST_P(LinearTest, ZeroGivesZero) {
  EXPECT_EQ(Multiply(std::vector<float>(kColumns)), std::vector<float>(kRows));
}

INSTANTIATE_TEST_SUITE_P(Types, LinearTest,
                         ::testing::Values(DataType::kF32, DataType::kF16, DataType::kBf16,
                                           DataType::kQ8_0, DataType::kQ4_0, DataType::kQ4_1),
                         [](const auto& type) { return std::string(DataTypeName(type.param)); });

// Sums of a long row go in ascending order: 1 is lost beside 2^24, 1 + 1 is not.
TEST(LinearOrderTest, AddsFloatsInAscendingOrder) {
  const std::vector<float> ones(3, 1.0f);
  const TensorView weight = {
      .type = DataType::kF32, .rows = 1, .columns = 3, .bytes = std::as_bytes(std::span(ones))};
  const auto product = [&](const std::vector<float>& x) {
    float y;
    LinearReference(weight, x, std::span(&y, 1));
    return y;
  };
  EXPECT_EQ(product({0x1p24f, 1, 1}), 0x1p24f);
  EXPECT_EQ(product({1, 1, 0x1p24f}), 0x1p24f + 2);
}

}  // namespace
}  // namespace chimera
