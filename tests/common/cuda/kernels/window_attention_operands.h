// The operands and results of window_attention.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_OPERANDS_H_

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/window_attention.h"
#include "common/cuda/kernels/window_attention_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// Of queries, and of keys and values, and the size of each.
struct WindowAttentionHeads {
  int query = 2;
  int kv = 1;
  int dim = 64;

  bool operator==(const WindowAttentionHeads&) const = default;
};

// As row_checks.h asks.
struct WindowAttentionOperands {
  using Arguments = WindowAttentionArguments;

  WindowAttentionHeads heads;
  int ring_pages = 1;
  std::vector<WindowAttentionRow> rows;
  std::vector<uint16_t> queries, keys, values, node_keys, node_values, output;

  int row_count() const { return static_cast<int>(rows.size()); }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    return {.row_count = row_count(),
            .head_count = heads.query,
            .kv_head_count = heads.kv,
            .head_dim = heads.dim,
            .ring_pages = ring_pages,
            .rows = memory.Copy(rows),
            .queries = memory.Copy(queries),
            .keys = memory.Copy(keys),
            .values = memory.Copy(values),
            .node_keys = memory.Copy(node_keys),
            .node_values = memory.Copy(node_values),
            .output = memory.CopyBothWays(output)};
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  WindowAttentionOperands Select(const std::vector<int>& selected) const {
    WindowAttentionOperands operands = *this;
    operands.rows = SelectRows(rows, 1, row_count(), selected);
    operands.queries = SelectRows(queries, 1, row_count(), selected);
    operands.output = SelectRows(output, 1, row_count(), selected);
    return operands;
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  // Where the key, and the value, of a position of a row's window begins.
  int64_t WindowElement(int row, int position, int head) const {
    const int page = (rows[row].first_page + position / kPageSlots) % ring_pages;
    const int slot = (rows[row].ring_begin + page) * kPageSlots + position % kPageSlots;
    return KvElement(slot, head, heads.kv, heads.dim);
  }
  bool operator==(const WindowAttentionOperands& other) const { return output == other.output; }
};

// Sequences whose windows rows take in turn, and nodes that paths go through.
inline constexpr int kWindowContexts = 3;
inline constexpr int kWindowNodes = 40;

// Windows of many lengths, and paths through kWindowNodes nodes; what no row may read is NaN.
inline WindowAttentionOperands RandomWindowAttentionOperands(const WindowAttentionHeads& heads,
                                                             int row_count, int ring_pages,
                                                             int window_count, int path_count) {
  std::mt19937 random(row_count + window_count);
  WindowAttentionOperands operands;
  operands.heads = heads;
  operands.ring_pages = ring_pages;
  operands.queries = RandomBf16(row_count * heads.query * heads.dim, &random);
  operands.output.resize(operands.queries.size(), kUnwrittenBf16);
  const size_t page = static_cast<size_t>(kPageSlots) * heads.kv * heads.dim;
  for (auto* windows : {&operands.keys, &operands.values}) {
    windows->resize(kWindowContexts * ring_pages * page, kUnwrittenBf16);
  }
  for (auto* nodes : {&operands.node_keys, &operands.node_values}) {
    *nodes = RandomBf16((kWindowNodes + kPageSlots - 1) / kPageSlots * page, &random);
  }
  for (int i = 0; i < row_count; ++i) {
    WindowAttentionRow row;
    row.ring_begin = i % kWindowContexts * ring_pages;
    row.first_page = i % kWindowContexts % ring_pages;
    row.window_count = window_count;
    row.path_count = std::min(path_count, i % (path_count + 1));
    for (int j = 0; j < row.path_count; ++j) {
      row.path[j] = static_cast<int32_t>(random() % kWindowNodes);
    }
    operands.rows.push_back(row);
    for (int position = 0; i < kWindowContexts && position < window_count; ++position) {
      for (int head = 0; head < heads.kv; ++head) {
        const int64_t begin = operands.WindowElement(i, position, head);
        std::ranges::copy(RandomBf16(heads.dim, &random), operands.keys.begin() + begin);
        std::ranges::copy(RandomBf16(heads.dim, &random), operands.values.begin() + begin);
      }
    }
  }
  return operands;
}

// Lets the first two positions of windows cancel each other but for the bits that only their order
// keeps: another one shows in bf16, too.
inline WindowAttentionOperands WithCancellingValues(WindowAttentionOperands operands) {
  const int head_dim = operands.heads.dim;
  for (int row = 0; row < std::min(kWindowContexts, operands.row_count()); ++row) {
    for (int head = 0; head < operands.heads.kv; ++head) {
      const int64_t first = operands.WindowElement(row, 0, head);
      const int64_t second = operands.WindowElement(row, 1, head);
      for (int i = 0; i < head_dim; ++i) {
        const float value = 0x1p14f * Bf16ToFloat(operands.values[first + i]);
        operands.keys[second + i] = operands.keys[first + i];
        operands.values[first + i] = FloatToBf16(value);
        operands.values[second + i] = FloatToBf16(-value);
      }
    }
  }
  return operands;
}

// Groups and sizes of heads, none of them alike.
inline constexpr WindowAttentionHeads kWindowAttentionHeads[] = {
    {2, 1, 64}, {3, 3, 16}, {4, 1, 128}, {6, 2, 48}};

// Up to rounding to bf16, and what roundings of fp32 do to sums of some hundred values of about 1.
inline ::testing::AssertionResult AgreeWithReference(const WindowAttentionOperands& results,
                                                     WindowAttentionOperands operands) {
  const std::vector<double> expected = WindowAttentionReference(operands.KernelArguments());
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(Bf16ToFloat(results.output[i]) - expected[i]);
    if (error <= std::abs(expected[i]) * 0x1p-8 + 0x1p-16) continue;
    return ::testing::AssertionFailure() << "element " << i << " is off by " << error;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_OPERANDS_H_
