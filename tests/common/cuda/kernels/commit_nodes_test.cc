#include "common/cuda/kernels/commit_nodes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "common/cuda/kernels/commit_nodes_reference.h"
#include "common/cuda/kernels/kv_layout.h"
#include "tests/common/cuda/kernels/faulty_commit_nodes.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

// A row is a move.
struct CommitNodesOperands {
  using Arguments = CommitNodesArguments;

  CommitNodesArguments shape;  // without the pointers
  std::vector<KvMove> moves;
  std::vector<uint16_t> pool;

  int row_count() const { return shape.move_count; }
  Arguments KernelArguments() {
    CommitNodesArguments arguments = shape;
    arguments.moves = moves.data();
    arguments.pool = pool.data();
    return arguments;
  }
  CommitNodesOperands Select(const std::vector<int>& rows) const {
    CommitNodesOperands selected = *this;
    selected.shape.move_count = static_cast<int>(rows.size());
    selected.moves = SelectRows(moves, 1, row_count(), rows);
    return selected;
  }
  // What the move's target holds, in all layers.
  std::vector<uint16_t> RowResult(int row) const {
    std::vector<uint16_t> result;
    const int64_t plane_size = static_cast<int64_t>(pool.size()) / (2 * shape.layer_count);
    for (int64_t plane = 0; plane < 2 * shape.layer_count; ++plane) {
      for (int head = 0; head < shape.kv_head_count; ++head) {
        const auto begin = pool.begin() + plane * plane_size +
                           KvElement(moves[row].to_slot, head, shape.kv_head_count, shape.head_dim);
        result.insert(result.end(), begin, begin + shape.head_dim);
      }
    }
    return result;
  }
  bool operator==(const CommitNodesOperands& other) const { return pool == other.pool; }
};

// The first half of the pages is the target. One move in four copies nothing, although it names a
// target.
CommitNodesOperands RandomOperands(CommitNodesArguments shape) {
  std::mt19937 random(shape.move_count + shape.head_dim);
  const int half = (shape.move_count / kPageSlots + 1) * kPageSlots;
  shape.page_count = 2 * half / kPageSlots;
  CommitNodesOperands operands = {shape, {}, {}};
  const int elements = 2 * shape.layer_count * 2 * half * shape.kv_head_count * shape.head_dim;
  // Any bits, NaNs included.
  for (int i = 0; i < elements; ++i) operands.pool.push_back(static_cast<uint16_t>(random()));
  std::vector<int32_t> from(half), to(half);
  std::iota(from.begin(), from.end(), half);
  std::iota(to.begin(), to.end(), 0);
  std::shuffle(from.begin(), from.end(), random);
  std::shuffle(to.begin(), to.end(), random);
  for (int i = 0; i < shape.move_count; ++i) {
    operands.moves.push_back({i % 4 == 3 ? -1 : from[i], to[i]});
  }
  return operands;
}

CommitNodesOperands SomeOperands(int move_count) {
  return RandomOperands(
      {.move_count = move_count, .layer_count = 3, .kv_head_count = 2, .head_dim = 64});
}

TEST(CudaCommitNodesTest, EqualsTheReference) {
  for (const int head_dim : {8, 48, 64, 128}) {
    for (const auto& [layers, kv_heads] : {std::pair(1, 1), {2, 3}, {3, 8}, {1, 17}}) {
      const CommitNodesOperands operands = RandomOperands({.move_count = 5,
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
