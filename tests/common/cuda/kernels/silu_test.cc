#include "common/cuda/kernels/silu.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/silu_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/faulty_silu.h"
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

::testing::AssertionResult IsCloseToReference(Launcher<SiluOperands> launch,
                                              SiluOperands operands) {
  emulation::Emulator emulator({.seed = 1});
  const SiluOperands results = RunKernel(launch, operands, &emulator);
  SiluKernelReference(operands.KernelArguments());
  return EqualOrNeighbours(results.output, operands.output);
}

void ExpectReference(int row_count, int size, int split_count) {
  EXPECT_TRUE(IsCloseToReference(&LaunchSilu, RandomOperands(row_count, size, split_count)))
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
  EXPECT_TRUE(RowsAreInvariant(&LaunchSilu, RandomOperands(70, 516, 1)));
  EXPECT_TRUE(RowsAreInvariant(&LaunchSilu, RandomOperands(70, 132, 4)));
}

TEST(CudaSiluTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchSilu, RandomOperands(5, 516, 3)));
}

// The checks above notice what they are there for.
TEST(CudaSiluTest, FaultyKernelsAreCaught) {
  const SiluOperands few = RandomOperands(16, 132, 3);
  const SiluOperands many = RandomOperands(70, 132, 4);
  using Fault = SiluFault;
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainSilu<Fault::kNone>>, few));
  EXPECT_TRUE(RowsAreInvariant(&LaunchPlain<PlainSilu<Fault::kNone>>, many));
  EXPECT_FALSE(RowsAreInvariant(&LaunchPlain<PlainSilu<Fault::kByRowCount>>, many));
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainSilu<Fault::kByRowCount>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainSilu<Fault::kRoundedSum>>, few));
}

}  // namespace
}  // namespace chimera::testing
