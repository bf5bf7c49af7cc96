// The operands and results of commit_nodes.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_COMMIT_NODES_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_COMMIT_NODES_OPERANDS_H_

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "common/cuda/kernels/commit_nodes.h"
#include "common/cuda/kernels/commit_nodes_reference.h"
#include "common/cuda/kernels/kv_layout.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// As row_checks.h asks; a row is a move.
struct CommitNodesOperands {
  using Arguments = CommitNodesArguments;

  CommitNodesArguments shape;  // without the pointers
  std::vector<KvMove> moves;
  std::vector<uint16_t> pool;

  int row_count() const { return shape.move_count; }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    CommitNodesArguments arguments = shape;
    arguments.moves = memory.Copy(moves);
    arguments.pool = memory.CopyBothWays(pool);
    return arguments;
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
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
inline CommitNodesOperands RandomCommitNodesOperands(CommitNodesArguments shape) {
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

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_COMMIT_NODES_OPERANDS_H_
