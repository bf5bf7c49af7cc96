#include "common/cuda/kernels/rope_append.h"

#include <gtest/gtest.h>

#include <limits>
#include <span>

#include "common/cuda/kernels/rope_append_reference.h"
#include "tests/common/cuda/kernels/faulty_rope_append.h"
#include "tests/common/cuda/kernels/rope_append_operands.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

// As many rows of as many splits with three heads of queries for each of two kv heads.
RopeAppendOperands RowsOf64(int row_count, int split_count) {
  return RandomRopeAppendOperands({row_count, split_count, 6, 2, 64});
}

TEST(CudaRopeAppendTest, EqualsTheReference) {
  for (const int head_dim : {16, 48, 64, 80, 128}) {
    for (const auto& [heads, kv_heads] :
         {std::pair(1, 1), {0, 2}, {3, 1}, {4, 4}, {8, 2}, {9, 3}}) {
      if (kSanitized && heads * head_dim > 500) continue;
      const int splits = 1 + (heads + head_dim / 16) % 5;
      EXPECT_TRUE(EqualsReference(&LaunchRopeAppend, &RopeAppendKernelReference,
                                  RandomRopeAppendOperands({5, splits, heads, kv_heads, head_dim})))
          << head_dim << " " << heads << " " << kv_heads;
    }
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchRopeAppend, &RopeAppendKernelReference,
                                RandomRopeAppendOperands({row_count, row_count % 4 + 1, 3, 1, 32})))
        << row_count;
  }
}

TEST(CudaRopeAppendTest, RowsDoNotDependOnOthersOrTheirSlot) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchRopeAppend, RowsOf64(70, 1)));
  EXPECT_TRUE(RowsAreInvariant(&LaunchRopeAppend, RowsOf64(70, 4)));
}

TEST(CudaRopeAppendTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchRopeAppend, RowsOf64(5, 3)));
}

TEST(CudaRopeAppendTest, RotatesAsTheProcessorDoes) {
  RopeAppendOperands operands = RowsOf64(3, 1);
  const RopeTable table(kRopePositions, 64, 10000);
  emulation::Emulator emulator({.seed = 1});
  const RopeAppendOperands results = RunKernel(&LaunchRopeAppend, operands, &emulator);
  for (int row = 0; row < 3; ++row) {
    std::vector<float> heads = SelectRows(operands.partials, 1, 3, {row});
    RopeReference(table, operands.positions[row], std::span(heads).first((6 + 2) * 64));
    std::vector<uint16_t> expected;
    for (const float x : heads) expected.push_back(FloatToBf16(x));
    EXPECT_EQ(results.RowResult(row), expected) << row;
  }
}

// Position 0, where nothing turns; each element says which head it is of.
TEST(CudaRopeAppendTest, WritesToSlotsOfPages) {
  RopeAppendOperands operands = RandomRopeAppendOperands({1, 1, 1, 3, 16});
  operands.positions = {0};
  operands.kv_slots = {16 + 5};
  for (int i = 0; i < 7 * 16; ++i) operands.partials[i] = static_cast<float>(i / 16);
  emulation::Emulator emulator({.seed = 1});
  const RopeAppendOperands results = RunKernel(&LaunchRopeAppend, operands, &emulator);
  std::vector<uint16_t> keys = operands.keys;
  std::vector<uint16_t> values = operands.values;
  for (int head = 0; head < 3; ++head) {
    for (int i = 0; i < 16; ++i) {
      const int page_1_head_row_5 = ((3 + head) * 16 + 5) * 16 + i;
      keys[page_1_head_row_5] = FloatToBf16(static_cast<float>(1 + head));
      values[page_1_head_row_5] = FloatToBf16(static_cast<float>(4 + head));
    }
  }
  EXPECT_EQ(results.keys, keys);
  EXPECT_EQ(results.values, values);
}

// Whatever a padding row holds, the pool and the other rows are as they are without it.
TEST(CudaRopeAppendTest, PaddingDoesNotMatter) {
  RopeAppendOperands operands = RowsOf64(8, 1);
  for (int row = 3; row < 8; ++row) {
    operands.kv_slots[row] = -1;
    const int64_t size = (6 + 2 * 2) * 64;
    for (int64_t i = row * size; i < (row + 1) * size; ++i) {
      operands.partials[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  emulation::Emulator emulator({.seed = 1});
  const RopeAppendOperands padded = RunKernel(&LaunchRopeAppend, operands, &emulator);
  RopeAppendOperands alone = operands.Select({0, 1, 2});
  for (int row = 0; row < 3; ++row) alone.kv_slots[row] = operands.kv_slots[row];
  alone = RunKernel(&LaunchRopeAppend, alone, &emulator);
  EXPECT_EQ(padded.keys, alone.keys);
  EXPECT_EQ(padded.values, alone.values);
  EXPECT_EQ(SelectRows(padded.queries, 1, 8, {0, 1, 2}), alone.queries);
}

// The checks above notice what they are there for.
TEST(CudaRopeAppendTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<RopeAppendOperands> launch) {
    return EqualsReference(launch, &RopeAppendKernelReference, RowsOf64(5, 4));
  };
  EXPECT_TRUE(equals_reference(&LaunchFaultlessRopeAppend));
  EXPECT_TRUE(RowsAreInvariant(&LaunchFaultlessRopeAppend, RowsOf64(70, 4)));
  EXPECT_FALSE(RowsAreInvariant(&LaunchRopeAppendByRowCount, RowsOf64(70, 4)));
  EXPECT_TRUE(equals_reference(&LaunchRopeAppendByRowCount)) << "of few rows";
  EXPECT_FALSE(equals_reference(&LaunchRopeAppendWithPadding));
  EXPECT_FALSE(equals_reference(&LaunchRopeAppendOfPlainKeys));
}

}  // namespace
}  // namespace chimera::testing
