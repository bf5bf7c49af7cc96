#include "common/cuda/kernels/silu_mul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/cuda/kernels/silu_mul_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/faulty_silu.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

struct SiluMulOperands {
  using Arguments = SiluMulArguments;

  int size = 0;
  int split_count = 1;
  std::vector<float> partials;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(output.size()) / size; }
  Arguments KernelArguments() {
    return {row_count(), split_count, size, partials.data(), output.data()};
  }
  SiluMulOperands Select(const std::vector<int>& rows) const {
    return {size, split_count, SelectRows(partials, split_count, row_count(), rows),
            SelectRows(output, 1, row_count(), rows)};
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  bool operator==(const SiluMulOperands&) const = default;
};

SiluMulOperands RandomOperands(int row_count, int size, int split_count) {
  std::mt19937 random(row_count + size);
  SiluMulOperands operands = {size, split_count, {}, {}};
  const size_t elements = static_cast<size_t>(row_count) * size;
  operands.partials = RandomPartials(split_count, 2 * elements, &random);
  for (float& x : operands.partials) x *= 4;
  operands.output.resize(elements, kUnwrittenBf16);
  return operands;
}

::testing::AssertionResult IsCloseToReference(Launcher<SiluMulOperands> launch,
                                              SiluMulOperands operands) {
  emulation::Emulator emulator({.seed = 1});
  const SiluMulOperands results = RunKernel(launch, operands, &emulator);
  SiluMulKernelReference(operands.KernelArguments());
  return EqualOrNeighbours(results.output, operands.output);
}

void ExpectReference(const SiluMulOperands& operands) {
  EXPECT_TRUE(IsCloseToReference(&LaunchSiluMul, operands))
      << operands.row_count() << " rows of " << operands.size << ", " << operands.split_count
      << " splits";
}

TEST(CudaSiluMulTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 1536, 11008}) {
    if (kSanitized && size > 1000) continue;
    for (int splits = 1; splits <= 5; ++splits) {
      ExpectReference(RandomOperands(size % 3 + 1, size, splits));
    }
  }
  for (const int row_count : kRowCounts) {
    ExpectReference(RandomOperands(row_count, 132, 1 + row_count % 4));
  }
}

TEST(CudaSiluMulTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchSiluMul, RandomOperands(70, 516, 1)));
  EXPECT_TRUE(RowsAreInvariant(&LaunchSiluMul, RandomOperands(70, 132, 4)));
}

TEST(CudaSiluMulTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSiluMul, RandomOperands(5, 516, 3)));
}

// Gates of any size that a model may have, finely spaced.
TEST(CudaSiluMulTest, GatesNearAndFarFromZero) {
  constexpr int kSize = 4096;
  SiluMulOperands operands = {kSize, 1, std::vector<float>(2 * kSize, 1.0f), {}};
  for (int i = 0; i < kSize; ++i) operands.partials[i] = 80 * (2 * i / float{kSize} - 1);
  operands.output.resize(kSize, kUnwrittenBf16);
  ExpectReference(operands);
}

// Where exp(-gate) is no finite number of fp32, the output is zero or gate * up.
TEST(CudaSiluMulTest, GatesBeyondTheRangeOfTheExponential) {
  const float infinity = std::numeric_limits<float>::infinity();
  SiluMulOperands operands = {8, 1, {-89, -1e4f, -1e38f, 0, 89, 1e4f, 1e38f, infinity}, {}};
  operands.partials.resize(16, 2.0f);
  operands.output.resize(8, kUnwrittenBf16);
  emulation::Emulator emulator({.seed = 1});
  const SiluMulOperands results = RunKernel(&LaunchSiluMul, operands, &emulator);
  const float expected[] = {0, 0, 0, 0, 178, 2e4f, 2e38f, infinity};
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(Bf16ToFloat(results.output[i]), Bf16ToFloat(FloatToBf16(expected[i]))) << i;
  }
}

// The checks above notice what they are there for.
TEST(CudaSiluMulTest, FaultyKernelsAreCaught) {
  const SiluMulOperands few = RandomOperands(16, 132, 3);
  const SiluMulOperands many = RandomOperands(70, 132, 4);
  using Fault = SiluFault;
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainSiluMul<Fault::kNone>>, few));
  EXPECT_TRUE(RowsAreInvariant(&LaunchPlain<PlainSiluMul<Fault::kNone>>, many));
  EXPECT_FALSE(RowsAreInvariant(&LaunchPlain<PlainSiluMul<Fault::kByRowCount>>, many));
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainSiluMul<Fault::kByRowCount>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainSiluMul<Fault::kRoundedSum>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainSiluMul<Fault::kUpsBeforeGates>>, few));
}

}  // namespace
}  // namespace chimera::testing
