// Linear layers on the device: near the reference, and each row with the same bits in any company.

#include "common/cuda/kernels/fragment_gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "common/base/float16.h"
#include "tests/common/cuda/gpu/device_run.h"
#include "tests/common/cuda/gpu/launch_order.h"
#include "tests/common/cuda/kernels/fragment_gemm_layer.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

struct Shape {
  int output_size;
  int input_size;
};

// Those of models on a GPU, small ones on an emulated device.
std::vector<Shape> Shapes() {
  if (DeviceIsEmulated()) return {{16, 1296}, {48, 240}};
  return {{4096, 4096}, {960, 576}, {576, 1536}, {2304, 1040}, {16, 11008}};
}

// A layer that stays on the device, and rows that go there.
class DeviceLayer {
 public:
  explicit DeviceLayer(const Shape& shape)
      : layer_(RandomLayer(shape.output_size, shape.input_size, 1)),
        weights_(run_.Copy(layer_.weights)) {
    run_.Finish();  // launches go to other streams
  }

  const LinearLayer& layer() const { return layer_; }

  // With the splits added up, as consumers do: [row_count, output_size]. What was not written is
  // NaN.
  std::vector<float> Multiply(const std::vector<uint16_t>& input,
                              LaunchOrder order = LaunchOrder::kAfterPriorLaunch) const {
    const int row_count = static_cast<int>(input.size()) / layer_.input_size;
    const int splits = FragmentGemmOutputSplits(row_count, layer_.output_size, layer_.input_size);
    std::vector<float> output(
        FragmentGemmOutputElements(row_count, layer_.output_size, layer_.input_size),
        std::numeric_limits<float>::quiet_NaN());
    DeviceRun run;
    CHIMERA_EXPECT_OK(LaunchFragmentGemm(run.stream(),
                                         {row_count, layer_.output_size, layer_.input_size,
                                          run.Copy(input), weights_, run.CopyBothWays(output)},
                                         order));
    run.Finish();
    return AddSplits(output, splits);
  }

 private:
  const LinearLayer layer_;
  DeviceRun run_;
  const uint16_t* const weights_;
};

// The sum of one element, and that of its terms' magnitudes.
struct ExactSum {
  double sum = 0;
  double magnitude = 0;
};

ExactSum SumOf(const LinearLayer& layer, const std::vector<uint16_t>& input, int row, int feature) {
  ExactSum exact;
  for (int k = 0; k < layer.input_size; ++k) {
    const double product =
        double{Bf16ToFloat(input[int64_t{row} * layer.input_size + k])} *
        Bf16ToFloat(layer.weights[FragmentWeightIndex(feature, k, layer.input_size)]);
    exact.sum += product;
    exact.magnitude += std::abs(product);
  }
  return exact;
}

class GpuFragmentGemmTest : public ::testing::Test {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }
};

// The bound of cuda/kernels/fragment_gemm_test.cc.
TEST_F(GpuFragmentGemmTest, EqualsTheReference) {
  std::mt19937 random(1);
  for (const Shape& shape : Shapes()) {
    const DeviceLayer layer(shape);
    const int steps = shape.input_size / kFragmentSize;
    const double units = 22.0 * steps + layer.layer().Splits();
    for (const int row_count : {1, 33, 130}) {
      const auto input = RandomInput(row_count, shape.input_size, 2);
      const auto output = layer.Multiply(input);
      for (int i = 0; i < 300; ++i) {
        const int row = static_cast<int>(random() % row_count);
        const int feature = static_cast<int>(random() % shape.output_size);
        const ExactSum exact = SumOf(layer.layer(), input, row, feature);
        ASSERT_NEAR(output[int64_t{row} * shape.output_size + feature], exact.sum,
                    units * 0x1p-24 * exact.magnitude)
            << shape.output_size << " " << shape.input_size << ", " << row_count << " rows";
      }
    }
  }
}

TEST_F(GpuFragmentGemmTest, RowsDoNotDependOnOthers) {
  std::mt19937 random(2);
  const int most_rows = DeviceIsEmulated() ? 70 : 600;
  std::vector<int> row_counts = {1, 8, 9, 33, 66};
  if (!DeviceIsEmulated()) {
    row_counts = {65, 127, 128, 129, 256, 511, 512};
    for (int count = 1; count <= kMaxFragmentPartialRows; ++count) row_counts.push_back(count);
  }
  for (const Shape& shape : Shapes()) {
    const DeviceLayer layer(shape);
    const auto input = RandomInput(most_rows, shape.input_size, 3);
    const auto expected = layer.Multiply(input);
    for (const int count : row_counts) {
      std::vector<int> selected(count);
      for (int& row : selected) row = static_cast<int>(random() % most_rows);
      const auto output =
          layer.Multiply(SelectRows(input, shape.input_size, selected), OrderOfLaunch(count));
      EXPECT_TRUE(BitsAreEqual(output, SelectRows(expected, shape.output_size, selected)))
          << count << " rows of [" << shape.output_size << ", " << shape.input_size << "]";
    }
  }
}

// The comparison above notices a single bit.
TEST_F(GpuFragmentGemmTest, OneBitIsADifference) {
  const DeviceLayer layer(Shapes().back());
  auto input = RandomInput(3, layer.layer().input_size, 4);
  const auto expected = layer.Multiply(input);
  EXPECT_TRUE(BitsAreEqual(layer.Multiply(input), expected));
  input[7] ^= 1;
  EXPECT_FALSE(BitsAreEqual(layer.Multiply(input), expected));
}

}  // namespace
}  // namespace chimera::testing
