#include "common/cuda/kernels/silu.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/cuda/kernels/silu_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

struct SiluOperands {
  using Arguments = SiluArguments;

  int size = 0;
  int split_count = 1;
  std::vector<float> partials;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(output.size()) / size; }
  Arguments KernelArguments() {
    return {row_count(), split_count, size, partials.data(), output.data()};
  }
  SiluOperands Select(const std::vector<int>& rows) const {
    return {size, split_count, SelectRows(partials, split_count, row_count(), rows),
            SelectRows(output, 1, row_count(), rows)};
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  bool operator==(const SiluOperands&) const = default;
};

SiluOperands RandomOperands(int row_count, int size, int split_count) {
  std::mt19937 random(row_count + size);
  const size_t elements = static_cast<size_t>(row_count) * size;
  SiluOperands operands = {size, split_count, RandomPartials(split_count, elements, &random), {}};
  for (float& x : operands.partials) x *= 4;
  operands.output.resize(elements, kUnwrittenBf16);
  return operands;
}

// An output is the same bf16 or a neighbour, and seldom the latter.
void ExpectReference(SiluOperands operands) {
  SCOPED_TRACE(::testing::Message() << operands.row_count() << " rows of " << operands.size << ", "
                                    << operands.split_count << " splits");
  emulation::Emulator emulator({.seed = 1});
  const SiluOperands results = RunKernel(&LaunchSilu, operands, &emulator);
  SiluKernelReference(operands.KernelArguments());
  int64_t neighbours = 0;
  for (size_t i = 0; i < results.output.size(); ++i) {
    const int distance = std::abs(results.output[i] - operands.output[i]);
    ASSERT_LE(distance, 1) << i;
    neighbours += distance;
  }
  EXPECT_LE(neighbours, static_cast<int64_t>(results.output.size()) / 200 + 1);
}

TEST(CudaSiluTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 1152}) {
    for (int splits = 1; splits <= 4; ++splits) {
      ExpectReference(RandomOperands(size % 3 + 1, size, splits));
    }
  }
  for (const int row_count : kRowCounts) ExpectReference(RandomOperands(row_count, 132, 2));
}

TEST(CudaSiluTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchSilu, RandomOperands(70, 516, 1)));
  EXPECT_TRUE(RowsAreInvariant(&LaunchSilu, RandomOperands(70, 132, 4)));
}

TEST(CudaSiluTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSilu, RandomOperands(5, 516, 3)));
}

}  // namespace
}  // namespace chimera::testing
