#include "common/cuda/kernels/sum_splits.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/sum_splits_reference.h"
#include "tests/common/cuda/kernels/faulty_sum_splits.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

struct SumSplitsOperands {
  using Arguments = SumSplitsArguments;

  int size = 0;
  int split_count = 1;
  std::vector<float> partials;
  std::vector<int32_t> output_rows;  // all different, or -1
  std::vector<float> output;         // [2 rows, size]
  bool has_rows = true;

  int row_count() const { return static_cast<int>(output_rows.size()); }
  Arguments KernelArguments() {
    return {.row_count = row_count(),
            .split_count = split_count,
            .size = size,
            .partials = partials.data(),
            .output_rows = has_rows ? output_rows.data() : nullptr,
            .output = output.data()};
  }
  SumSplitsOperands Select(const std::vector<int>& rows) const {
    return {size,
            split_count,
            SelectRows(partials, split_count, row_count(), rows),
            SelectRows(output_rows, 1, row_count(), rows),
            output,
            has_rows};
  }
  std::vector<float> RowResult(int row) const {
    const int output_row = output_rows[row];
    if (output_row < 0) return {};
    return SelectRows(output, 1, static_cast<int>(output.size()) / size, {output_row});
  }
  bool operator==(const SumSplitsOperands&) const = default;
};

// Every seventh row goes nowhere, the others to every second row, backwards.
SumSplitsOperands RandomOperands(int row_count, int size, int split_count, bool has_rows) {
  std::mt19937 random(row_count + size);
  const size_t elements = static_cast<size_t>(row_count) * size;
  SumSplitsOperands operands = {size, split_count, RandomPartials(split_count, elements, &random),
                                {},   {},          has_rows};
  for (int row = 0; row < row_count; ++row) {
    operands.output_rows.push_back(row % 7 == 5 ? -1 : 2 * (row_count - 1 - row) + 1);
  }
  operands.output.resize(2 * elements, -77.0f);
  return operands;
}

TEST(CudaSumSplitsTest, EqualsTheReference) {
  for (const bool has_rows : {true, false}) {
    for (const int size : {4, 64, 68, 508, 512, 516, 12288}) {
      for (int splits = 1; splits <= 4; ++splits) {
        EXPECT_TRUE(EqualsReference(&LaunchSumSplits, &SumSplitsKernelReference,
                                    RandomOperands(size % 3 + 1, size, splits, has_rows)))
            << size << " " << splits;
      }
    }
    for (const int row_count : kRowCounts) {
      EXPECT_TRUE(EqualsReference(&LaunchSumSplits, &SumSplitsKernelReference,
                                  RandomOperands(row_count, 132, 3, has_rows)))
          << row_count;
    }
  }
}

TEST(CudaSumSplitsTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchSumSplits, RandomOperands(70, 516, 3, true)));
}

TEST(CudaSumSplitsTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSumSplits, RandomOperands(5, 516, 3, true)));
}

// The checks above notice what they are there for.
TEST(CudaSumSplitsTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<SumSplitsOperands> launch) {
    return EqualsReference(launch, &SumSplitsKernelReference, RandomOperands(16, 132, 3, true));
  };
  const auto is_invariant = [](Launcher<SumSplitsOperands> launch) {
    return RowsAreInvariant(launch, RandomOperands(70, 516, 3, true));
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
