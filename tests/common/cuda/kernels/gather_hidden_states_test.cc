#include "common/cuda/kernels/gather_hidden_states.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "common/cuda/kernels/gather_hidden_states_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

struct GatherHiddenStatesOperands {
  using Arguments = GatherHiddenStatesArguments;

  int size = 0;
  int tap = 0;
  int tap_count = 1;
  std::vector<float> residual;
  std::vector<int32_t> output_rows;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(output_rows.size()); }
  Arguments KernelArguments() {
    return {row_count(), size, tap, tap_count, residual.data(), output_rows.data(), output.data()};
  }
  // The output keeps its size, and each row its place there.
  GatherHiddenStatesOperands Select(const std::vector<int>& rows) const {
    GatherHiddenStatesOperands selected = *this;
    selected.residual = SelectRows(residual, 1, row_count(), rows);
    selected.output_rows = SelectRows(output_rows, 1, row_count(), rows);
    return selected;
  }
  std::vector<uint16_t> RowResult(int row) const {
    if (output_rows[row] < 0) return {};
    const auto begin = output.begin() + (int64_t{output_rows[row]} * tap_count + tap) * size;
    return {begin, begin + size};
  }
  bool operator==(const GatherHiddenStatesOperands&) const = default;
};

// One row in four is not copied.
GatherHiddenStatesOperands RandomOperands(int row_count, int size, int tap, int tap_count) {
  std::mt19937 random(row_count + size);
  GatherHiddenStatesOperands operands = {size, tap, tap_count, {}, {}, {}};
  operands.residual = RandomFloats(static_cast<size_t>(row_count) * size, &random);
  operands.output_rows.resize(row_count);
  std::iota(operands.output_rows.begin(), operands.output_rows.end(), 0);
  std::shuffle(operands.output_rows.begin(), operands.output_rows.end(), random);
  for (int row = 3; row < row_count; row += 4) operands.output_rows[row] = -1;
  operands.output.resize(static_cast<size_t>(row_count) * tap_count * size, kUnwrittenBf16);
  return operands;
}

TEST(CudaGatherHiddenStatesTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 576, 4096}) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherHiddenStates, &GatherHiddenStatesKernelReference,
                                RandomOperands(5, size, size % 3, 3)))
        << size;
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherHiddenStates, &GatherHiddenStatesKernelReference,
                                RandomOperands(row_count, 132, row_count % 2, 2)))
        << row_count;
  }
}

TEST(CudaGatherHiddenStatesTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchGatherHiddenStates, RandomOperands(70, 516, 1, 2)));
}

TEST(CudaGatherHiddenStatesTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchGatherHiddenStates, RandomOperands(5, 516, 1, 2)));
}

TEST(CudaGatherHiddenStatesTest, WritesItsTapOfTheNamedRows) {
  GatherHiddenStatesOperands operands = {4, 1, 2, {1, 2, 3, 4, 5, 6, 7, 8}, {-1, 1}, {}};
  operands.output.resize(16, kUnwrittenBf16);
  std::vector<uint16_t> expected = operands.output;
  for (int i = 0; i < 4; ++i) expected[12 + i] = FloatToBf16(static_cast<float>(5 + i));
  emulation::Emulator emulator({.seed = 1});
  EXPECT_EQ(RunKernel(&LaunchGatherHiddenStates, operands, &emulator).output, expected);
}

}  // namespace
}  // namespace chimera::testing
