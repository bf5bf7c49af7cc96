#include "common/cuda/emulation/tensor_core_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "common/base/float16.h"
#include "tests/common/cuda/emulation/fused_sum_reference.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/special_values.h"

namespace chimera::emulation {
namespace {

using ::chimera::testing::FusedSumReference;
using ::chimera::testing::kInfinity;
using ::chimera::testing::kSanitized;
using Operand = std::array<uint16_t, kTensorCoreDepth>;

constexpr std::array kModels = {TensorCoreModel::kHopper, TensorCoreModel::kAmpere,
                                TensorCoreModel::kSequential};

// Equal as bits, so that zeros have signs and NaN is a value.
uint32_t Bits(float value) { return std::bit_cast<uint32_t>(value); }

// `values` as bf16, which they must be, then zeros.
Operand MakeOperand(const std::vector<float>& values) {
  Operand operand = {};
  for (size_t i = 0; i < values.size(); ++i) {
    operand[i] = FloatToBf16(values[i]);
    EXPECT_EQ(Bf16ToFloat(operand[i]), values[i]);
  }
  return operand;
}

float Dot(TensorCoreModel model, const Operand& a, const Operand& b, float accumulator) {
  return TensorCoreDot(model, TensorCoreOperand(a), TensorCoreOperand(b), accumulator);
}

// accumulator + sum of values[i] * 1.
float Sum(TensorCoreModel model, const std::vector<float>& values, float accumulator) {
  return Dot(model, MakeOperand(values), MakeOperand(std::vector<float>(16, 1.0f)), accumulator);
}

// A random bf16 with an exponent field in [lowest, highest]; 0 gives zero and subnormal numbers.
uint16_t RandomBf16(int lowest, int highest, std::mt19937* random) {
  const uint32_t field = lowest + (*random)() % (highest - lowest + 1);
  return static_cast<uint16_t>(field << 7 | ((*random)() & 0x807fu));
}

struct Case {
  Operand a;
  Operand b;
  float c;
};

// Cases whose sums are large, small, subnormal, overflowing and everything between.
Case RandomCase(std::mt19937* random) {
  static constexpr int kRanges[][2] = {{120, 130}, {110, 140}, {60, 190}, {0, 254},
                                       {0, 70},    {180, 254}, {50, 66}};
  const auto& range = kRanges[(*random)() % std::size(kRanges)];
  Case result;
  for (uint16_t& x : result.a) x = RandomBf16(range[0], range[1], random);
  for (uint16_t& x : result.b) x = RandomBf16(range[0], range[1], random);
  const uint16_t high = RandomBf16(range[0], range[1], random);
  result.c = std::bit_cast<float>(uint32_t{high} << 16 | RandomBf16(0, 255, random));
  return result;
}

TEST(TensorCoreModelTest, RepresentableSumsAreExact) {
  for (const TensorCoreModel model : kModels) {
    EXPECT_EQ(Sum(model, {1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8}, 0.5f), 0.5f);
    EXPECT_EQ(Sum(model, {0x1p20f, 1, -0x1p20f}, 0), 1);
    EXPECT_EQ(Dot(model, MakeOperand({1.5f, -3}), MakeOperand({1.5f, 0.25f}), 10), 11.5f);
    EXPECT_EQ(Dot(model, MakeOperand({0x1p-100f}), MakeOperand({0x1p-49f}), 0), 0x1p-149f);
    EXPECT_EQ(Dot(model, MakeOperand({0x1p-133f}), MakeOperand({0x1p10f}), 0), 0x1p-123f);
  }
}

// Each line can be followed by hand from the description of the models.
TEST(TensorCoreModelTest, TermsAreCutOffAndSumsRoundedTowardZero) {
  const std::vector<float> tiny(16, 0x1p-26f);
  const std::vector<float> small(16, 0x1p-25f);
  EXPECT_EQ(Sum(TensorCoreModel::kHopper, tiny, 1), 1);
  EXPECT_EQ(Sum(TensorCoreModel::kHopper, small, 1), 1 + 0x1p-21f);
  EXPECT_EQ(Sum(TensorCoreModel::kAmpere, small, 1), 1);
  EXPECT_EQ(Sum(TensorCoreModel::kAmpere, std::vector<float>(16, 0x1p-24f), 1), 1 + 0x1p-20f);
  EXPECT_EQ(Sum(TensorCoreModel::kSequential, small, 1), 1);
  EXPECT_EQ(Sum(TensorCoreModel::kHopper, {-0x1p-26f}, 1), 1) << "cut off toward zero";
  EXPECT_EQ(Sum(TensorCoreModel::kHopper, {-0x1p-25f}, 1), 1 - 0x1p-24f) << "rounded toward zero";
  EXPECT_EQ(Sum(TensorCoreModel::kHopper, {0x1p-25f}, -1), -1 + 0x1p-24f);
  EXPECT_EQ(Sum(TensorCoreModel::kSequential, {-0x1p-25f}, 1), 1) << "rounded to nearest even";
  // 1.5 * 1.5 counts with exponent 0 though it is above 2, so that 2^-25 is not cut off.
  EXPECT_EQ(Dot(TensorCoreModel::kHopper, MakeOperand({1.5f}), MakeOperand({1.5f}), -0x1p-25f),
            2.25f - 0x1p-22f);
}

TEST(TensorCoreModelTest, FusedModelsEqualTheReference) {
  std::mt19937 random(1);
  for (int i = 0; i < (kSanitized ? 400 : 4000); ++i) {
    const Case x = RandomCase(&random);
    std::array<float, kTensorCoreDepth> a;
    std::array<float, kTensorCoreDepth> b;
    std::ranges::transform(x.a, a.begin(), Bf16ToFloat);
    std::ranges::transform(x.b, b.begin(), Bf16ToFloat);
    ASSERT_EQ(Bits(Dot(TensorCoreModel::kHopper, x.a, x.b, x.c)),
              Bits(FusedSumReference(a, b, x.c, 25)))
        << i;
    const std::span<const float> all_a = a;
    const std::span<const float> all_b = b;
    const float first = FusedSumReference(all_a.first(8), all_b.first(8), x.c, 24);
    if (std::isinf(first)) continue;
    ASSERT_EQ(Bits(Dot(TensorCoreModel::kAmpere, x.a, x.b, x.c)),
              Bits(FusedSumReference(all_a.last(8), all_b.last(8), first, 24)))
        << i;
  }
}

// How many of 1000 cases change when the products of each group of `group` are shuffled.
int ChangesByPermutation(TensorCoreModel model, int group) {
  std::mt19937 random(2);
  int changes = 0;
  for (int i = 0; i < 1000; ++i) {
    const Case x = RandomCase(&random);
    std::array<int, kTensorCoreDepth> order;
    for (int k = 0; k < kTensorCoreDepth; ++k) order[k] = k;
    for (int first = 0; first < kTensorCoreDepth; first += group) {
      std::shuffle(order.begin() + first, order.begin() + first + group, random);
    }
    Case shuffled = x;
    for (int k = 0; k < kTensorCoreDepth; ++k) {
      shuffled.a[k] = x.a[order[k]];
      shuffled.b[k] = x.b[order[k]];
    }
    changes +=
        Bits(Dot(model, x.a, x.b, x.c)) != Bits(Dot(model, shuffled.a, shuffled.b, shuffled.c));
  }
  return changes;
}

TEST(TensorCoreModelTest, OrderMattersBetweenGroupsOnly) {
  EXPECT_EQ(ChangesByPermutation(TensorCoreModel::kHopper, 16), 0);
  EXPECT_EQ(ChangesByPermutation(TensorCoreModel::kAmpere, 8), 0);
  EXPECT_GT(ChangesByPermutation(TensorCoreModel::kAmpere, 16), 50);
  EXPECT_GT(ChangesByPermutation(TensorCoreModel::kSequential, 8), 50);
}

TEST(TensorCoreModelTest, ZeroProductsAddNothing) {
  std::mt19937 random(3);
  const float largest = Bf16ToFloat(0x7f7f);
  for (int i = 0; i < 1000; ++i) {
    Case x = RandomCase(&random);
    for (int k = 1; k < kTensorCoreDepth; ++k) x.a[k] = 0;
    Case with_garbage = x;
    for (int k = 1; k < kTensorCoreDepth; ++k) with_garbage.b[k] = FloatToBf16(largest);
    for (int k = 1; k < kTensorCoreDepth; ++k) x.b[k] = 0;
    for (const TensorCoreModel model : kModels) {
      ASSERT_EQ(Bits(Dot(model, x.a, x.b, x.c)),
                Bits(Dot(model, with_garbage.a, with_garbage.b, x.c)));
    }
  }
  for (const TensorCoreModel model : kModels) {
    EXPECT_EQ(Sum(model, {}, 0x1.234568p-130f), 0x1.234568p-130f) << "a subnormal accumulator";
    EXPECT_EQ(Sum(model, {}, -3.75f), -3.75f);
    EXPECT_EQ(Bits(Sum(model, {}, 0)), Bits(0.0f));
  }
}

TEST(TensorCoreModelTest, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const TensorCoreModel model : kModels) {
    EXPECT_EQ(Sum(model, {kInfinity, 1}, -5), kInfinity);
    EXPECT_EQ(Sum(model, {1, 2}, -kInfinity), -kInfinity);
    EXPECT_EQ(Bits(Sum(model, {kInfinity}, -kInfinity)), 0x7fffffffu);
    EXPECT_EQ(Bits(Sum(model, {1}, nan)), 0x7fffffffu);
    EXPECT_EQ(Bits(Sum(model, {1}, -nan)), 0x7fffffffu);
    Operand b = MakeOperand({0});
    EXPECT_EQ(Bits(Dot(model, MakeOperand({kInfinity}), b, 1)), 0x7fffffffu) << "inf * 0";
    b[15] = 0x7fc0;
    EXPECT_EQ(Bits(Dot(model, Operand{}, b, 1)), 0x7fffffffu) << "0 * NaN";
    EXPECT_EQ(Dot(model, MakeOperand({0x1p100f}), MakeOperand({-0x1p28f}), 0), -kInfinity);
  }
  // The first group overflows; the second cannot bring it back.
  std::vector<float> values(16, 0);
  values[0] = values[1] = 0x1p127f;
  values[8] = values[9] = -0x1p127f;
  EXPECT_EQ(Sum(TensorCoreModel::kAmpere, values, 0), kInfinity);
  EXPECT_EQ(Sum(TensorCoreModel::kHopper, values, 0), 0);
}

}  // namespace
}  // namespace chimera::emulation
