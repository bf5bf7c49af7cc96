// Products with repacked weights against the reference, bit for bit.

#include <gtest/gtest.h>

#include <cstring>

#include "common/base/thread_pool.h"
#include "common/cpu/activations.h"
#include "common/cpu/packed_linear.h"
#include "common/ops/linear.h"
#include "tests/common/cpu/isa_test_cases.h"
#include "tests/common/cpu/random_weight.h"
#include "tests/testing/special_values.h"

namespace chimera {
namespace {

using ::chimera::testing::kInfinity;
using ::chimera::testing::kNan;
using testing::RandomActivations;
using testing::RandomWeight;

constexpr DataType kAllTypes[] = {DataType::kF32,  DataType::kF16,  DataType::kBf16,
                                  DataType::kQ8_0, DataType::kQ4_0, DataType::kQ4_1};

class LinearKernelsTest : public ::testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override { CHIMERA_SKIP_UNLESS_AVAILABLE(GetParam()); }

  const CpuKernels& kernels() const { return GetCpuKernels(GetParam()); }

  void Fill(const std::vector<float>& x, int64_t size, Activations* activations) const {
    activations->Reset(static_cast<int64_t>(x.size()) / size, size);
    for (int64_t row = 0; row < activations->row_count(); ++row) {
      std::memcpy(activations->row(row), x.data() + row * size, size * sizeof(float));
      activations->QuantizeRow(kernels(), row);
    }
  }

  // Multiplies `rows` rows and compares each with the reference.
  void ExpectProduct(std::span<const TensorView> weights, int64_t rows, std::mt19937* random) {
    ThreadPool pool(3);
    BufferArena arena;
    const PackedLinear linear(weights, &pool, &arena);
    const int64_t size = linear.input_size();
    const std::vector<float> x = RandomActivations(rows * size, random);
    Activations activations;
    Fill(x, size, &activations);
    std::vector<float> y(rows * linear.output_size(), -1.0f);
    linear.Multiply(kernels(), activations.View(), &pool, y.data());
    const float* actual = y.data();
    for (int64_t row = 0; row < rows; ++row) {
      for (const TensorView& weight : weights) {
        std::vector<float> expected(weight.rows);
        LinearReference(weight, std::span(x).subspan(row * size, size), expected);
        ASSERT_EQ(std::memcmp(actual, expected.data(), expected.size() * sizeof(float)), 0)
            << DataTypeName(weight.type) << " " << weight.rows << " x " << size << ", row " << row
            << " of " << rows << ": " << actual[0] << " and " << expected[0];
        actual += weight.rows;
      }
    }
  }
};

TEST_P(LinearKernelsTest, EveryRowCountEqualsTheReference) {
  std::mt19937 random(1);
  for (const DataType type : kAllTypes) {
    const RandomWeight weight(type, 40, 96, &random);
    const TensorView view = weight.view();
    for (int64_t rows = 1; rows <= 18; ++rows) ExpectProduct(std::span(&view, 1), rows, &random);
    ExpectProduct(std::span(&view, 1), 70, &random);  // more than one group of panels
  }
}

TEST_P(LinearKernelsTest, EveryShapeEqualsTheReference) {
  std::mt19937 random(2);
  for (const DataType type : kAllTypes) {
    for (const int64_t features : {1, 15, 16, 17, 31, 32, 64, 129}) {
      for (const int64_t size : {32, 64, 576}) {
        const RandomWeight weight(type, features, size, &random);
        const TensorView view = weight.view();
        ExpectProduct(std::span(&view, 1), 5, &random);
      }
    }
  }
}

TEST_P(LinearKernelsTest, SeveralWeightsOfDifferentTypesAreOneProduct) {
  std::mt19937 random(3);
  const RandomWeight a(DataType::kQ4_1, 33, 64, &random);
  const RandomWeight b(DataType::kQ8_0, 16, 64, &random);
  const RandomWeight c(DataType::kF16, 7, 64, &random);
  const TensorView views[] = {a.view(), b.view(), c.view()};
  for (const int64_t rows : {1, 4, 6}) ExpectProduct(views, rows, &random);
}

TEST_P(LinearKernelsTest, CopyRowGivesTheDequantisedRow) {
  std::mt19937 random(4);
  ThreadPool pool(2);
  for (const DataType type : kAllTypes) {
    const RandomWeight weight(type, 37, 96, &random);
    const TensorView view = weight.view();
    BufferArena arena;
    const PackedLinear linear(std::span(&view, 1), &pool, &arena);
    for (int64_t row = 0; row < view.rows; ++row) {
      std::vector<float> expected(view.columns), actual(view.columns);
      Dequantize(type, view.row(row), expected);
      linear.CopyRow(row, actual);
      EXPECT_EQ(actual, expected) << DataTypeName(type) << " row " << row;
    }
  }
}

TEST_P(LinearKernelsTest, QuantisedActivationsEqualTheReference) {
  std::mt19937 random(5);
  constexpr int64_t kSize = 32 * 40;
  std::vector<float> x = RandomActivations(kSize, &random);
  // One special value in each of the first blocks.
  const float specials[] = {kInfinity, -kInfinity, kNan, -0.0f, 1e-38f, 1e-45f, 0x1p-100f, 3e38f};
  for (size_t i = 0; i < std::size(specials); ++i) x[32 * i + i] = specials[i];
  for (int i = 0; i < 32; ++i) x[32 * 9 + i] = 127.0f - static_cast<float>(i) * 0.5f;  // ties
  const QuantizedRow expected = QuantizeRowReference(x);
  Activations activations;
  Fill(x, kSize, &activations);
  const ActivationView view = activations.View();
  for (int64_t b = 0; b < kSize / kQuantBlock; ++b) {
    const int64_t at = b * kPanelRows;
    EXPECT_EQ(std::memcmp(view.scales + at, &expected.scales[b], sizeof(float)), 0) << b;
    EXPECT_EQ(view.sums[at], expected.sums[b]) << b;
    for (int i = 0; i < kQuantBlock; ++i) {
      EXPECT_EQ(view.values[at * kQuantBlock + i], expected.values[b * kQuantBlock + i])
          << "block " << b << " element " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, LinearKernelsTest, ::testing::ValuesIn(testing::kAllCpuIsas),
                         testing::IsaTestName);

}  // namespace
}  // namespace chimera
