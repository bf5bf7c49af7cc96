#include "tests/common/cuda/kernels/faulty_attention_plan.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/cuda/kernels/attention_records.h"

namespace chimera::testing {
namespace {

bool Bit(const uint32_t* words, int index) { return (words[index / 32] >> index % 32 & 1) != 0; }

void SetBit(int index, uint32_t* words) { words[index / 32] |= uint32_t{1} << index % 32; }

// Calls edit(work, rows, tail) for each record of work that has a tail.
template <typename Edit>
void EditTails(std::span<int32_t> plan, const Edit& edit) {
  const auto& header = *reinterpret_cast<AttentionHeader*>(plan.data());
  auto* works = reinterpret_cast<AttentionWork*>(plan.data() + sizeof(header) / sizeof(int32_t));
  for (AttentionWork& work : std::span(works, header.work_count)) {
    if (work.tail < 0) continue;
    auto* rows = reinterpret_cast<AttentionRow*>(plan.data() + work.rows);
    edit(&work, std::span(rows, work.row_count),
         reinterpret_cast<AttentionTail*>(plan.data() + work.tail));
  }
}

}  // namespace

void PutTailsInStorageOrder(std::span<int32_t> plan) {
  EditTails(plan, [](AttentionWork*, std::span<AttentionRow> rows, AttentionTail* tail) {
    std::vector<int> order(tail->column_count);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](int column) { return tail->kv_slots[column]; });
    const AttentionTail old_tail = *tail;
    const std::vector<AttentionRow> old_rows(rows.begin(), rows.end());
    for (AttentionRow& row : rows) std::ranges::fill(row.visible, 0);
    for (int column = 0; column < tail->column_count; ++column) {
      tail->kv_slots[column] = old_tail.kv_slots[order[column]];
      SetBit(column, tail->step_begins);
      for (size_t row = 0; row < rows.size(); ++row) {
        if (Bit(old_rows[row].visible, order[column])) SetBit(column, rows[row].visible);
      }
    }
  });
}

void JoinStepsOfTails(std::span<int32_t> plan) {
  EditTails(plan, [](AttentionWork*, std::span<AttentionRow>, AttentionTail* tail) {
    std::ranges::fill(tail->step_begins, 0);
  });
}

void ShortenChunksOfFewRows(std::span<int32_t> plan) {
  constexpr int kFew = 4;
  EditTails(plan, [](AttentionWork* work, std::span<AttentionRow> rows, AttentionTail*) {
    if (rows.size() <= kFew) work->chunk_tiles = 1;
  });
}

void ShowSiblings(std::span<int32_t> plan) {
  EditTails(plan, [](AttentionWork*, std::span<AttentionRow> rows, AttentionTail* tail) {
    if (rows.size() < 2) return;
    for (int column = 0; column < tail->column_count; ++column) {
      if (Bit(rows[rows.size() - 2].visible, column)) SetBit(column, rows.back().visible);
    }
  });
}

}  // namespace chimera::testing
