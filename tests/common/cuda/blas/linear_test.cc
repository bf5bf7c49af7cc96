// Linear layers by the library, emulated and, in another program, on a GPU.

#include "common/cuda/blas/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"
#include "common/cuda/runtime/graph.h"
#include "tests/common/cuda/blas/linear_run.h"
#include "tests/testing/gpu.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::BlasHandle;
using cuda::BlasLinear;
using cuda::BlasLinearConfig;
using cuda::BlasMode;

double ToDouble(float value) { return value; }
double ToDouble(uint16_t bf16) { return Bf16ToFloat(bf16); }

// Roundings of the output's type, relative.
constexpr double OutputRounding(float) { return 0; }
constexpr double OutputRounding(uint16_t) { return 0x1p-8; }

// Output: the type of the layer's output.
template <typename Output>
class LinearTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHIMERA_SKIP_WITHOUT_GPU();
    CHIMERA_ASSERT_OK_AND_ASSIGN(handle_, BlasHandle::Create());
  }

  absl::StatusOr<BlasLinear<Output>> MakeLinear(BlasMode mode, int input_size, int output_size) {
    const BlasLinearConfig config = {
        .mode = mode, .input_size = input_size, .output_size = output_size, .max_row_count = 256};
    return BlasLinear<Output>::Create(*handle_, config);
  }

  // The description of a layer; empty where there is none, which fails the test.
  std::string Describe(BlasMode mode, int input_size, int output_size) {
    const auto linear = MakeLinear(mode, input_size, output_size);
    CHIMERA_EXPECT_OK(linear.status());
    return linear.ok() ? linear->description() : "";
  }

  std::optional<BlasHandle> handle_;
};

using OutputTypes = ::testing::Types<float, uint16_t>;
TYPED_TEST_SUITE(LinearTest, OutputTypes);

// Sums of products in fp32, in whatever order and with truncation, as tensor cores do it, are
// within 2 u of the sum of magnitudes for each addition.
template <typename Output>
void ExpectProducts(const LinearOperands& operands, const std::vector<Output>& output) {
  const int k_count = operands.input_size;
  ASSERT_EQ(output.size(), static_cast<size_t>(operands.row_count) * operands.output_size);
  for (size_t i = 0; i < output.size(); ++i) {
    const uint16_t* const x = &operands.input[i / operands.output_size * k_count];
    const uint16_t* const w = &operands.weight[i % operands.output_size * k_count];
    double sum = 0;
    double magnitude = 0;
    for (int k = 0; k < k_count; ++k) {
      const double product = ToDouble(x[k]) * ToDouble(w[k]);
      sum += product;
      magnitude += std::abs(product);
    }
    const double rounding = OutputRounding(Output{});
    const double tolerance =
        k_count * 0x1p-23 * magnitude * (1 + rounding) + rounding * std::abs(sum);
    ASSERT_NEAR(ToDouble(output[i]), sum, tolerance) << i;
  }
}

TYPED_TEST(LinearTest, MultipliesInBothModes) {
  constexpr int kShapes[][2] = {{64, 48}, {520, 264}, {576, 16}};
  for (const BlasMode mode : {BlasMode::kPinned, BlasMode::kFastest}) {
    for (const auto& [input_size, output_size] : kShapes) {
      CHIMERA_ASSERT_OK_AND_ASSIGN(auto linear, this->MakeLinear(mode, input_size, output_size));
      for (const int row_count : {1, 2, 7, 64, 65, 200}) {
        if (kSanitized && row_count * output_size > 4000) continue;
        SCOPED_TRACE(::testing::Message() << linear.description() << ", " << row_count << " rows");
        const LinearOperands operands = RandomOperands(row_count, input_size, output_size);
        CHIMERA_ASSERT_OK_AND_ASSIGN(const auto output, RunLinear(linear, operands));
        ExpectProducts(operands, output);
      }
    }
  }
}

TYPED_TEST(LinearTest, PinnedRowsDependOnNothingElse) {
  constexpr int kRows = 200;
  constexpr int kFeatures = 136;
  CHIMERA_ASSERT_OK_AND_ASSIGN(auto linear, this->MakeLinear(BlasMode::kPinned, 1024, kFeatures));
  const LinearOperands all = RandomOperands(kRows, 1024, kFeatures);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto expected, RunLinear(linear, all));
  for (const int row_count : {1, 2, 5, 16, 63, 64, 65, 128, 199}) {
    std::vector<int> selected(row_count);
    for (int i = 0; i < row_count; ++i) selected[i] = (3 + 17 * i) % kRows;
    LinearOperands some = all;
    some.row_count = row_count;
    some.input = SelectRows(all.input, 1024, selected);
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto output, RunLinear(linear, some));
    EXPECT_EQ(output, SelectRows(expected, kFeatures, selected)) << row_count;
  }
}

TYPED_TEST(LinearTest, PinnedLayersPassTheirTest) {
  constexpr int kShapes[][2] = {{576, 64}, {1536, 40}};
  for (const auto& [input_size, output_size] : kShapes) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(auto linear,
                                 this->MakeLinear(BlasMode::kPinned, input_size, output_size));
    LinearRun<TypeParam> run(linear, RandomOperands(1, input_size, output_size));
    CHIMERA_ASSERT_OK_AND_ASSIGN(cuda::Stream stream, cuda::Stream::Create());
    CHIMERA_ASSERT_OK(run.CopyOperands(stream));
    CHIMERA_EXPECT_OK(linear.SelfTest(run.Arguments().weight, stream));
  }
}

TYPED_TEST(LinearTest, GraphsMultiplyAnew) {
  for (const BlasMode mode : {BlasMode::kPinned, BlasMode::kFastest}) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(auto linear, this->MakeLinear(mode, 64, 48));
    const LinearOperands first = RandomOperands(5, 64, 48);
    LinearOperands second = first;
    std::reverse(second.input.begin(), second.input.end());
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto first_output, RunLinear(linear, first));
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto second_output, RunLinear(linear, second));

    LinearRun<TypeParam> run(linear, first);
    CHIMERA_ASSERT_OK_AND_ASSIGN(cuda::Stream stream, cuda::Stream::Create());
    CHIMERA_ASSERT_OK_AND_ASSIGN(const cuda::Graph graph, cuda::Graph::Capture(stream, [&] {
                                   CHIMERA_RETURN_IF_ERROR(run.CopyOperands(stream));
                                   CHIMERA_RETURN_IF_ERROR(linear.Run(run.Arguments(), stream));
                                   return run.CopyOutput(stream);
                                 }));
    for (const bool is_first : {true, false}) {
      run.SetInput(is_first ? first.input : second.input);
      CHIMERA_ASSERT_OK(graph.Launch(stream));
      CHIMERA_ASSERT_OK(stream.Synchronize());
      EXPECT_EQ(run.output(), is_first ? first_output : second_output);
    }
  }
}

TYPED_TEST(LinearTest, OnlyPinnedLayersPadRows) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto pinned, this->MakeLinear(BlasMode::kPinned, 64, 48));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto fastest, this->MakeLinear(BlasMode::kFastest, 64, 48));
  EXPECT_EQ(pinned.PaddedRowCount(1), 64);
  EXPECT_EQ(pinned.PaddedRowCount(64), 64);
  EXPECT_EQ(pinned.PaddedRowCount(65), 128);
  EXPECT_EQ(fastest.PaddedRowCount(65), 65);
}

TYPED_TEST(LinearTest, ChoicesAreTheSameEveryTime) {
  const std::string description = this->Describe(BlasMode::kPinned, 576, 64);
  EXPECT_THAT(description,
              ::testing::HasSubstr(std::is_same_v<TypeParam, float> ? "k=576 n=64 fp32 "
                                                                    : "k=576 n=64 bf16 "));
  EXPECT_EQ(this->Describe(BlasMode::kPinned, 576, 64), description);
  EXPECT_NE(this->Describe(BlasMode::kFastest, 576, 64), description);
  EXPECT_FALSE(this->handle_->description().empty());
}

}  // namespace
}  // namespace chimera::testing
