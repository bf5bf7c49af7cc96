#include "common/cuda/kernels/commit_nodes.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/commit_nodes_reference.h"
#include "tests/common/cuda/kernels/commit_nodes_operands.h"
#include "tests/common/cuda/kernels/faulty_commit_nodes.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

CommitNodesOperands SomeOperands(int move_count) {
  return RandomCommitNodesOperands(
      {.move_count = move_count, .layer_count = 3, .kv_head_count = 2, .head_dim = 64});
}

TEST(CudaCommitNodesTest, EqualsTheReference) {
  for (const int head_dim : {8, 48, 64, 128}) {
    for (const auto& [layers, kv_heads] : {std::pair(1, 1), {2, 3}, {3, 8}, {1, 17}}) {
      const CommitNodesOperands operands = RandomCommitNodesOperands({.move_count = 5,
                                                                      .layer_count = layers,
                                                                      .kv_head_count = kv_heads,
                                                                      .head_dim = head_dim});
      EXPECT_TRUE(EqualsReference(&LaunchCommitNodes, &CommitNodesKernelReference, operands))
          << head_dim << " " << layers << " " << kv_heads;
    }
  }
  for (const int move_count : kRowCounts) {
    EXPECT_TRUE(
        EqualsReference(&LaunchCommitNodes, &CommitNodesKernelReference, SomeOperands(move_count)))
        << move_count;
  }
}

TEST(CudaCommitNodesTest, MovesDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchCommitNodes, SomeOperands(70)));
}

TEST(CudaCommitNodesTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchCommitNodes, SomeOperands(7)));
}

// Two layers of two pages of two kv heads: slot 17 goes to slot 2, and slot 31 to slot 0.
TEST(CudaCommitNodesTest, CopiesTheRowsOfSlots) {
  CommitNodesOperands operands = {
      {.move_count = 3, .layer_count = 2, .page_count = 2, .kv_head_count = 2, .head_dim = 8},
      {{17, 2}, {-1, -1}, {31, 0}},
      {}};
  for (int i = 0; i < 2 * 2 * 2 * 2 * 16 * 8; ++i) {
    operands.pool.push_back(static_cast<uint16_t>(i));
  }
  std::vector<uint16_t> expected = operands.pool;
  for (int plane = 0; plane < 4; ++plane) {
    for (int head = 0; head < 2; ++head) {
      const int page_0 = (plane * 2 * 2 + head) * 16 * 8;
      const int page_1 = (plane * 2 * 2 + 2 + head) * 16 * 8;
      for (int i = 0; i < 8; ++i) {
        expected[page_0 + 2 * 8 + i] = static_cast<uint16_t>(page_1 + 1 * 8 + i);
        expected[page_0 + i] = static_cast<uint16_t>(page_1 + 15 * 8 + i);
      }
    }
  }
  emulation::Emulator emulator({.seed = 1});
  EXPECT_EQ(RunKernel(&LaunchCommitNodes, operands, &emulator).pool, expected);
}

// The checks above notice what they are there for.
TEST(CudaCommitNodesTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<CommitNodesOperands> launch) {
    return EqualsReference(launch, &CommitNodesKernelReference, SomeOperands(5));
  };
  EXPECT_TRUE(equals_reference(&LaunchFaultlessCommitNodes));
  EXPECT_FALSE(equals_reference(&LaunchCommitNodesButTheLastValues));
  EXPECT_FALSE(equals_reference(&LaunchCommitNodesOfAdjacentHeads));
  EXPECT_FALSE(equals_reference(&LaunchCommitNodesWithPadding));
}

}  // namespace
}  // namespace chimera::testing
