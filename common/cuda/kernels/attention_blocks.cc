#include "common/cuda/kernels/attention_blocks.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"
#include "common/cuda/kernels/kv_layout.h"

namespace chimera {
namespace {

static_assert(TokenTree::kMaxDepth == kAttentionMaxDepth);
static_assert(TokenTree::kMaxNodes <= kAttentionBlockRows);
static_assert(2 * kAttentionMaxDepth + kAttentionBlockRows <= kAttentionTailColumns);

int PositionOf(const AttentionSequence& sequence, int row) {
  return sequence.context_length + (sequence.tree == nullptr ? row : sequence.tree->depth(row));
}

// The first position whose keys and values are not in pages.
int EndOfPages(const AttentionSequence& sequence) {
  return sequence.context_length + (sequence.tree == nullptr ? sequence.row_count : 0);
}

// Columns of a tail, in the order in which they are added.
class TailColumns {
 public:
  // Adds a column and lets the rows for which `is_visible` see it.
  template <typename IsVisible>
  void Add(int kv_slot, bool begins_step, std::span<AttentionRow> rows,
           const IsVisible& is_visible) {
    const int column = tail_.column_count++;
    CHIMERA_CHECK(column < kAttentionTailColumns);
    const uint32_t bit = uint32_t{1} << column % 32;
    tail_.kv_slots[column] = kv_slot;
    if (begins_step) tail_.step_begins[column / 32] |= bit;
    for (int row = 0; row < static_cast<int>(rows.size()); ++row) {
      if (is_visible(row)) rows[row].visible[column / 32] |= bit;
    }
  }

  const AttentionTail& tail() const { return tail_; }

 private:
  AttentionTail tail_;
};

void AddPositions(const AttentionBlock& block, std::span<AttentionRow> rows, TailColumns* columns) {
  const AttentionSequence& sequence = *block.sequence;
  int begin = block.bulk_end;
  int end = 0;
  for (int row = 0; row < block.row_count; ++row) {
    begin = std::min(begin, rows[row].bulk_end);
    end = std::max(end, PositionOf(sequence, block.first + row) + 1);
  }
  end = std::min(end, EndOfPages(sequence));
  for (int position = begin; position < end; ++position) {
    const int slot = sequence.pages[position / kPageSlots] * kPageSlots + position % kPageSlots;
    columns->Add(slot, true, rows, [&](int row) {
      return rows[row].bulk_end <= position && position <= PositionOf(sequence, block.first + row);
    });
  }
}

void AddNodes(const AttentionBlock& block, std::span<AttentionRow> rows, TailColumns* columns) {
  const TokenTree& tree = *block.sequence->tree;
  uint64_t visible = 0;
  for (int row = 0; row < block.row_count; ++row) visible |= tree.ancestors(block.first + row);
  std::vector<int> nodes;
  for (int node = 0; node < tree.size(); ++node) {
    if ((visible >> node & 1) != 0) nodes.push_back(node);
  }
  std::ranges::stable_sort(nodes, {}, [&](int node) { return tree.depth(node); });
  int depth = -1;
  for (const int node : nodes) {
    columns->Add(block.sequence->scratch_page * kPageSlots + node, tree.depth(node) != depth, rows,
                 [&](int row) { return (tree.ancestors(block.first + row) >> node & 1) != 0; });
    depth = tree.depth(node);
  }
}

}  // namespace

int AttentionBlock::page_count() const {
  return (EndOfPages(*sequence) + kPageSlots - 1) / kPageSlots;
}

void AppendBlocks(const AttentionSequence& sequence, int rows_per_block, int chunk_positions,
                  std::vector<AttentionBlock>* blocks) {
  CHIMERA_CHECK(sequence.row_count > 0 && sequence.context_length >= 0);
  CHIMERA_CHECK(sequence.tree == nullptr || sequence.tree->size() == sequence.row_count)
      << sequence.row_count << " rows for a tree of " << sequence.tree->size();
  CHIMERA_CHECK(EndOfPages(sequence) <= static_cast<int64_t>(sequence.pages.size()) * kPageSlots)
      << EndOfPages(sequence) << " positions in " << sequence.pages.size() << " pages";
  for (int first = 0; first < sequence.row_count; first += rows_per_block) {
    AttentionBlock block;
    block.sequence = &sequence;
    block.first = first;
    block.row_count = std::min(rows_per_block, sequence.row_count - first);
    for (int row = first; row < first + block.row_count; ++row) {
      block.bulk_end = std::max(block.bulk_end, AttentionBulkEnd(PositionOf(sequence, row)));
    }
    block.chunk_count = (block.bulk_end + chunk_positions - 1) / chunk_positions;
    blocks->push_back(block);
  }
}

AttentionTail TailOf(const AttentionBlock& block, std::span<AttentionRow> rows) {
  for (int row = 0; row < block.row_count; ++row) {
    rows[row].bulk_end = AttentionBulkEnd(PositionOf(*block.sequence, block.first + row));
  }
  TailColumns columns;
  AddPositions(block, rows, &columns);
  if (block.sequence->tree != nullptr) AddNodes(block, rows, &columns);
  return columns.tail();
}

}  // namespace chimera
