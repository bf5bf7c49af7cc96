#include "common/cuda/kernels/gather_rows.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/gather_rows_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

constexpr int kInputRows = 70;

struct GatherRowsOperands {
  using Arguments = GatherRowsArguments;

  int size = 0;
  std::vector<uint16_t> input;
  std::vector<int32_t> indices;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(indices.size()); }
  Arguments KernelArguments() {
    return {row_count(), size, input.data(), indices.data(), output.data()};
  }
  GatherRowsOperands Select(const std::vector<int>& rows) const {
    return {size, input, SelectRows(indices, 1, row_count(), rows),
            SelectRows(output, 1, row_count(), rows)};
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  bool operator==(const GatherRowsOperands&) const = default;
};

// One row in four is padding; a row may be named twice.
GatherRowsOperands RandomOperands(int row_count, int size) {
  std::mt19937 random(row_count + size);
  GatherRowsOperands operands = {size, {}, {}, {}};
  // Any bits, NaNs included.
  for (int i = 0; i < kInputRows * size; ++i) {
    operands.input.push_back(static_cast<uint16_t>(random()));
  }
  for (int row = 0; row < row_count; ++row) {
    operands.indices.push_back(row % 4 == 3 ? -1 : static_cast<int>(random() % kInputRows));
  }
  operands.output.resize(static_cast<size_t>(row_count) * size, kUnwrittenBf16);
  return operands;
}

TEST(CudaGatherRowsTest, EqualsTheReference) {
  for (const int size : {8, 64, 72, 576, 1016, 1024, 1032, 4096}) {
    EXPECT_TRUE(
        EqualsReference(&LaunchGatherRows, &GatherRowsKernelReference, RandomOperands(5, size)))
        << size;
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherRows, &GatherRowsKernelReference,
                                RandomOperands(row_count, 136)))
        << row_count;
  }
}

TEST(CudaGatherRowsTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchGatherRows, RandomOperands(70, 136)));
}

TEST(CudaGatherRowsTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchGatherRows, RandomOperands(5, 1032)));
}

TEST(CudaGatherRowsTest, NamedRowsAndZeros) {
  GatherRowsOperands operands = {8, {}, {1, -1, 0}, std::vector<uint16_t>(24, kUnwrittenBf16)};
  for (uint16_t bits = 100; bits < 116; ++bits) operands.input.push_back(bits);
  emulation::Emulator emulator({.seed = 1});
  EXPECT_EQ(RunKernel(&LaunchGatherRows, operands, &emulator).output,
            (std::vector<uint16_t>{108, 109, 110, 111, 112, 113, 114, 115,  //
                                   0,   0,   0,   0,   0,   0,   0,   0,    //
                                   100, 101, 102, 103, 104, 105, 106, 107}));
}

}  // namespace
}  // namespace chimera::testing
