#include "common/cuda/kernels/silu_mul.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/common/cuda/kernels/faulty_silu.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/common/cuda/kernels/silu_operands.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

void ExpectReference(const SiluMulOperands& operands) {
  EXPECT_TRUE(IsCloseToReference(&LaunchSiluMul, operands))
      << operands.row_count() << " rows of " << operands.size << ", " << operands.split_count
      << " splits";
}

TEST(CudaSiluMulTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 1536, 11008}) {
    if (kSanitized && size > 1000) continue;
    for (int splits = 1; splits <= 5; ++splits) {
      ExpectReference(RandomSiluMulOperands(size % 3 + 1, size, splits));
    }
  }
  for (const int row_count : kRowCounts) {
    ExpectReference(RandomSiluMulOperands(row_count, 132, 1 + row_count % 4));
  }
}

TEST(CudaSiluMulTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchSiluMul, RandomSiluMulOperands(70, 516, 1)));
  EXPECT_TRUE(RowsAreInvariant(&LaunchSiluMul, RandomSiluMulOperands(70, 132, 4)));
}

TEST(CudaSiluMulTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSiluMul, RandomSiluMulOperands(5, 516, 3)));
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
  const SiluMulOperands few = RandomSiluMulOperands(16, 132, 3);
  const SiluMulOperands many = RandomSiluMulOperands(70, 132, 4);
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
