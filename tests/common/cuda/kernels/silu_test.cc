#include "common/cuda/kernels/silu.h"

#include <gtest/gtest.h>

#include "tests/common/cuda/kernels/faulty_silu.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/common/cuda/kernels/silu_operands.h"

namespace chimera::testing {
namespace {

void ExpectReference(int row_count, int size, int split_count) {
  EXPECT_TRUE(IsCloseToReference(&LaunchSilu, RandomSiluOperands(row_count, size, split_count)))
      << row_count << " rows of " << size << ", " << split_count << " splits";
}

TEST(CudaSiluTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 1152}) {
    for (int splits = 1; splits <= 4; ++splits) {
      ExpectReference(size % 3 + 1, size, splits);
    }
  }
  for (const int row_count : kRowCounts) ExpectReference(row_count, 132, 2);
}

TEST(CudaSiluTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchSilu, RandomSiluOperands(70, 516, 1)));
  EXPECT_TRUE(RowsAreInvariant(&LaunchSilu, RandomSiluOperands(70, 132, 4)));
}

TEST(CudaSiluTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSilu, RandomSiluOperands(5, 516, 3)));
}

// The checks above notice what they are there for.
TEST(CudaSiluTest, FaultyKernelsAreCaught) {
  const SiluOperands few = RandomSiluOperands(16, 132, 3);
  const SiluOperands many = RandomSiluOperands(70, 132, 4);
  using Fault = SiluFault;
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainSilu<Fault::kNone>>, few));
  EXPECT_TRUE(RowsAreInvariant(&LaunchPlain<PlainSilu<Fault::kNone>>, many));
  EXPECT_FALSE(RowsAreInvariant(&LaunchPlain<PlainSilu<Fault::kByRowCount>>, many));
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainSilu<Fault::kByRowCount>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainSilu<Fault::kRoundedSum>>, few));
}

}  // namespace
}  // namespace chimera::testing
