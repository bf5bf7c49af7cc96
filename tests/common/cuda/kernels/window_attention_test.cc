#include "common/cuda/kernels/window_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/window_attention_reference.h"
#include "tests/common/cuda/kernels/faulty_window_attention.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

struct Heads {
  int query = 2;
  int kv = 1;
  int dim = 64;

  bool operator==(const Heads&) const = default;
};

struct WindowAttentionOperands {
  using Arguments = WindowAttentionArguments;

  Heads heads;
  int ring_pages = 1;
  std::vector<WindowAttentionRow> rows;
  std::vector<uint16_t> queries, keys, values, node_keys, node_values, output;

  int row_count() const { return static_cast<int>(rows.size()); }
  Arguments KernelArguments() {
    return {.row_count = row_count(),
            .head_count = heads.query,
            .kv_head_count = heads.kv,
            .head_dim = heads.dim,
            .ring_pages = ring_pages,
            .rows = rows.data(),
            .queries = queries.data(),
            .keys = keys.data(),
            .values = values.data(),
            .node_keys = node_keys.data(),
            .node_values = node_values.data(),
            .output = output.data()};
  }
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

constexpr int kContexts = 3;
constexpr int kNodes = 40;

// Windows of many lengths, and paths through kNodes nodes; what no row may read is NaN.
WindowAttentionOperands RandomOperands(const Heads& heads, int row_count, int ring_pages,
                                       int window_count, int path_count) {
  std::mt19937 random(row_count + window_count);
  WindowAttentionOperands operands;
  operands.heads = heads;
  operands.ring_pages = ring_pages;
  operands.queries = RandomBf16(row_count * heads.query * heads.dim, &random);
  operands.output.resize(operands.queries.size(), kUnwrittenBf16);
  const size_t page = static_cast<size_t>(kPageSlots) * heads.kv * heads.dim;
  for (auto* windows : {&operands.keys, &operands.values}) {
    windows->resize(kContexts * ring_pages * page, kUnwrittenBf16);
  }
  for (auto* nodes : {&operands.node_keys, &operands.node_values}) {
    *nodes = RandomBf16((kNodes + kPageSlots - 1) / kPageSlots * page, &random);
  }
  for (int i = 0; i < row_count; ++i) {
    WindowAttentionRow row;
    row.ring_begin = i % kContexts * ring_pages;
    row.first_page = i % kContexts % ring_pages;
    row.window_count = window_count;
    row.path_count = std::min(path_count, i % (path_count + 1));
    for (int j = 0; j < row.path_count; ++j) {
      row.path[j] = static_cast<int32_t>(random() % kNodes);
    }
    operands.rows.push_back(row);
    for (int position = 0; i < kContexts && position < window_count; ++position) {
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
WindowAttentionOperands WithCancellingValues(WindowAttentionOperands operands) {
  const int head_dim = operands.heads.dim;
  for (int row = 0; row < std::min(kContexts, operands.row_count()); ++row) {
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

// Up to rounding to bf16, and what roundings of fp32 do to sums of some hundred values of about 1.
::testing::AssertionResult IsCloseToReference(Launcher<WindowAttentionOperands> launch,
                                              WindowAttentionOperands operands) {
  emulation::Emulator emulator({.seed = 1});
  const WindowAttentionOperands results = RunKernel(launch, operands, &emulator);
  const std::vector<double> expected = WindowAttentionReference(operands.KernelArguments());
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(Bf16ToFloat(results.output[i]) - expected[i]);
    if (error <= std::abs(expected[i]) * 0x1p-8 + 0x1p-16) continue;
    return ::testing::AssertionFailure() << "element " << i << " is off by " << error;
  }
  return ::testing::AssertionSuccess();
}

void ExpectReference(const WindowAttentionOperands& operands) {
  EXPECT_TRUE(IsCloseToReference(&LaunchWindowAttention, operands))
      << operands.heads.dim << ", " << operands.rows[0].window_count;
}

const Heads kHeads[] = {{2, 1, 64}, {3, 3, 16}, {4, 1, 128}, {6, 2, 48}};

TEST(CudaWindowAttentionTest, IsCloseToTheReference) {
  for (const Heads& heads : kHeads) {
    ExpectReference(RandomOperands(heads, 5, 4, 50, 3));
    ExpectReference(RandomOperands(heads, 3, 2, 1, 0));
    ExpectReference(RandomOperands(heads, 20, 1, 0, 16));
    if (!kSanitized) ExpectReference(RandomOperands(heads, 4, 33, 520, 5));
  }
  ExpectReference(RandomOperands({1, 1, 1024}, 2, 2, 20, 2));
}

TEST(CudaWindowAttentionTest, ARowThatSeesNothingIsZero) {
  WindowAttentionOperands operands = RandomOperands({}, 1, 1, 0, 0);
  emulation::Emulator emulator({.seed = 1});
  const auto results = RunKernel(&LaunchWindowAttention, operands, &emulator);
  EXPECT_EQ(results.output, std::vector<uint16_t>(operands.output.size(), 0));
}

TEST(CudaWindowAttentionTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchWindowAttention,
                               WithCancellingValues(RandomOperands({2, 1, 64}, 66, 4, 50, 5))));
}

TEST(CudaWindowAttentionTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchWindowAttention,
                          WithCancellingValues(RandomOperands({6, 2, 48}, 3, 20, 300, 5))));
}

// The checks above notice what they are there for.
TEST(CudaWindowAttentionTest, FaultyKernelsAreCaught) {
  const WindowAttentionOperands few = RandomOperands({2, 1, 64}, 5, 4, 50, 3);
  const WindowAttentionOperands many =
      WithCancellingValues(RandomOperands({2, 1, 64}, 66, 4, 50, 5));
  using Fault = WindowAttentionFault;
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainWindowAttention<Fault::kNone>>, few));
  EXPECT_TRUE(RowsAreInvariant(&LaunchPlain<PlainWindowAttention<Fault::kNone>>, many));
  EXPECT_FALSE(RowsAreInvariant(&LaunchPlain<PlainWindowAttention<Fault::kByRowCount>>, many));
  const auto is_close = [&](Launcher<WindowAttentionOperands> launch) -> bool {
    return IsCloseToReference(launch, few);
  };
  EXPECT_TRUE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kByRowCount>>)) << "of few rows";
  EXPECT_FALSE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kRingFromItsBeginning>>));
  EXPECT_FALSE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kNewestPositionUnseen>>));
  EXPECT_FALSE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kSiblingVisible>>));
}

}  // namespace
}  // namespace chimera::testing
