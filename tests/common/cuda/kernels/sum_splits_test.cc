#include "common/cuda/kernels/sum_splits.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/sum_splits_reference.h"
#include "tests/common/cuda/kernels/faulty_sum_splits.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/common/cuda/kernels/sum_splits_operands.h"

namespace chimera::testing {
namespace {

TEST(CudaSumSplitsTest, EqualsTheReference) {
  for (const bool has_rows : {true, false}) {
    for (const int size : {4, 64, 68, 508, 512, 516, 12288}) {
      for (int splits = 1; splits <= 4; ++splits) {
        EXPECT_TRUE(EqualsReference(&LaunchSumSplits, &SumSplitsKernelReference,
                                    RandomSumSplitsOperands(size % 3 + 1, size, splits, has_rows)))
            << size << " " << splits;
      }
    }
    for (const int row_count : kRowCounts) {
      EXPECT_TRUE(EqualsReference(&LaunchSumSplits, &SumSplitsKernelReference,
                                  RandomSumSplitsOperands(row_count, 132, 3, has_rows)))
          << row_count;
    }
  }
}

TEST(CudaSumSplitsTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchSumSplits, RandomSumSplitsOperands(70, 516, 3, true)));
}

TEST(CudaSumSplitsTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSumSplits, RandomSumSplitsOperands(5, 516, 3, true)));
}

// The checks above notice what they are there for.
TEST(CudaSumSplitsTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<SumSplitsOperands> launch) {
    return EqualsReference(launch, &SumSplitsKernelReference,
                           RandomSumSplitsOperands(16, 132, 3, true));
  };
  const auto is_invariant = [](Launcher<SumSplitsOperands> launch) {
    return RowsAreInvariant(launch, RandomSumSplitsOperands(70, 516, 3, true));
  };
  using Fault = SumSplitsFault;
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainSumSplits<Fault::kNone>>));
  EXPECT_TRUE(is_invariant(&LaunchPlain<PlainSumSplits<Fault::kNone>>));
  EXPECT_FALSE(is_invariant(&LaunchPlain<PlainSumSplits<Fault::kByRowCount>>));
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainSumSplits<Fault::kByRowCount>>)) << "of few rows";
  EXPECT_FALSE(equals_reference(&LaunchPlain<PlainSumSplits<Fault::kNowhereIsRowZero>>));
}

}  // namespace
}  // namespace chimera::testing
