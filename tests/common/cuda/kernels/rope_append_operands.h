// The operands and results of rope_append.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_ROPE_APPEND_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_ROPE_APPEND_OPERANDS_H_

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/rope_append.h"
#include "common/ops/rope.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

inline constexpr int kRopePositions = 300;

// As row_checks.h asks.
struct RopeAppendOperands {
  using Arguments = RopeAppendArguments;

  RopeAppendArguments shape;  // without the pointers
  std::vector<float> partials;
  std::vector<float> rope_table;
  std::vector<int32_t> positions;
  std::vector<int32_t> kv_slots;
  std::vector<uint16_t> queries;
  std::vector<uint16_t> keys;
  std::vector<uint16_t> values;

  int row_count() const { return shape.row_count; }

  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    RopeAppendArguments arguments = shape;
    arguments.partials = memory.Copy(partials);
    arguments.rope_table = memory.Copy(rope_table);
    arguments.positions = memory.Copy(positions);
    arguments.kv_slots = memory.Copy(kv_slots);
    arguments.queries = memory.CopyBothWays(queries);
    arguments.keys = memory.CopyBothWays(keys);
    arguments.values = memory.CopyBothWays(values);
    return arguments;
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }

  // In other slots, as long as there are enough of them.
  RopeAppendOperands Select(const std::vector<int>& rows) const {
    RopeAppendOperands selected = *this;
    selected.shape.row_count = static_cast<int>(rows.size());
    selected.partials = SelectRows(partials, shape.split_count, row_count(), rows);
    selected.positions = SelectRows(positions, 1, row_count(), rows);
    selected.kv_slots = SelectRows(kv_slots, 1, row_count(), rows);
    selected.queries = SelectRows(queries, 1, row_count(), rows);
    const int last_slot =
        static_cast<int>(keys.size()) / (shape.kv_head_count * shape.head_dim) - 1;
    for (int32_t& slot : selected.kv_slots) slot = slot < 0 ? -1 : last_slot - slot;
    return selected;
  }

  // Its queries, keys and values; of padding the queries only.
  std::vector<uint16_t> RowResult(int row) const {
    std::vector<uint16_t> result = SelectRows(queries, 1, row_count(), {row});
    if (kv_slots[row] < 0) return result;
    for (const std::vector<uint16_t>* const pool : {&keys, &values}) {
      for (int head = 0; head < shape.kv_head_count; ++head) {
        const auto begin =
            pool->begin() + KvElement(kv_slots[row], head, shape.kv_head_count, shape.head_dim);
        result.insert(result.end(), begin, begin + shape.head_dim);
      }
    }
    return result;
  }

  bool operator==(const RopeAppendOperands& other) const {
    return queries == other.queries && keys == other.keys && values == other.values;
  }
};

// As the device has it: cosine and sine of each pair.
inline std::vector<float> InterleavedRopeTable(const RopeTable& table, int position_count) {
  std::vector<float> interleaved;
  for (int position = 0; position < position_count; ++position) {
    for (int i = 0; i < table.head_dim(); i += 2) {
      interleaved.push_back(table.cosines(position)[i]);
      interleaved.push_back(table.signed_sines(position)[i + 1]);
    }
  }
  return interleaved;
}

// Of `shape`, at random positions and slots; one row in four is padding.
inline RopeAppendOperands RandomRopeAppendOperands(const RopeAppendArguments& shape) {
  std::mt19937 random(shape.row_count + shape.head_dim);
  RopeAppendOperands operands;
  operands.shape = shape;
  const size_t rows = shape.row_count;
  const int head_count = shape.head_count + 2 * shape.kv_head_count;
  operands.partials =
      RandomPartials(shape.split_count, rows * head_count * shape.head_dim, &random);
  operands.rope_table =
      InterleavedRopeTable(RopeTable(kRopePositions, shape.head_dim, 10000), kRopePositions);
  operands.kv_slots.resize((rows / kPageSlots + 2) * kPageSlots);
  operands.queries.resize(rows * shape.head_count * shape.head_dim, kUnwrittenBf16);
  operands.keys.resize(operands.kv_slots.size() * shape.kv_head_count * shape.head_dim,
                       kUnwrittenBf16);
  operands.values = operands.keys;
  std::iota(operands.kv_slots.begin(), operands.kv_slots.end(), 0);
  std::shuffle(operands.kv_slots.begin(), operands.kv_slots.end(), random);
  operands.kv_slots.resize(rows);
  for (int row = 0; row < shape.row_count; ++row) {
    operands.positions.push_back(row % 4 == 3 ? 0 : static_cast<int>(random() % kRopePositions));
    if (row % 4 == 3) operands.kv_slots[row] = -1;
  }
  return operands;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_ROPE_APPEND_OPERANDS_H_
