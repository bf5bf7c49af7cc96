#include "common/cuda/backend/step_tables.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/runtime/copy.h"

namespace chimera {
namespace {

static_assert(kPageSlots == kPagePositions);

// The tables of rows, in this order, and behind them the attention plan. Every table begins at a
// multiple of 16 bytes.
enum Table { kTokens, kPositions, kKvSlots, kHiddenRows, kTableCount };

int64_t TableSize(int row_count) { return (int64_t{row_count} + 3) / 4 * 4; }

int64_t TableOffset(int table, int row_count) { return table * TableSize(row_count); }

// Where the K/V of a row goes.
int32_t KvSlot(const StagedRow& row, const SequenceStep& sequence, const DeviceKvPool& pool) {
  if (row.node >= 0) return pool.NodeKvSlot(sequence.slot, row.node);
  return sequence.pages[row.position / kPagePositions] * kPagePositions +
         row.position % kPagePositions;
}

// As many entries as the positions in pages take.
std::span<const int32_t> UsedPages(const SequenceStep& sequence) {
  const size_t positions = sequence.context_length + sequence.chunk.size();
  return sequence.pages.first((positions + kPagePositions - 1) / kPagePositions);
}

}  // namespace

absl::StatusOr<StepTables> StepTables::Create(const AttentionPlannerOptions& options) {
  const size_t size =
      TableOffset(kTableCount, options.limits.rows) + AttentionPlanner(options).buffer_size();
  CHIMERA_ASSIGN_OR_RETURN(auto host, cuda::PinnedBuffer<int32_t>::Allocate(size));
  CHIMERA_ASSIGN_OR_RETURN(auto device, cuda::DeviceBuffer<int32_t>::Allocate(size));
  return StepTables(options, std::move(host), std::move(device));
}

StepTables::StepTables(const AttentionPlannerOptions& options, cuda::PinnedBuffer<int32_t> host,
                       cuda::DeviceBuffer<int32_t> device)
    : planner_(options), host_(std::move(host)), device_(std::move(device)) {}

absl::Status StepTables::Send(const StagedStep& step, int row_count, const DeviceKvPool& pool,
                              cuda::Stream& stream) {
  const auto table = [&](Table which) {
    return host_.span().subspan(TableOffset(which, row_count), row_count);
  };
  std::ranges::fill(table(kTokens), -1);
  std::ranges::fill(table(kPositions), 0);
  std::ranges::fill(table(kKvSlots), -1);
  std::ranges::fill(table(kHiddenRows), -1);
  hidden_rows_.clear();
  sequences_.clear();
  for (size_t i = 0; i < step.rows.size(); ++i) {
    const StagedRow& row = step.rows[i];
    const SequenceStep& sequence = step.sequence_of(row);
    table(kTokens)[i] = row.token;
    table(kPositions)[i] = row.position;
    table(kKvSlots)[i] = KvSlot(row, sequence, pool);
    if (sequence.outputs.hidden_states) {
      table(kHiddenRows)[i] = static_cast<int32_t>(hidden_rows_.size());
      hidden_rows_.push_back(static_cast<int32_t>(i));
    }
    if (i > 0 && row.sequence == step.rows[i - 1].sequence) continue;
    sequences_.push_back({.pages = UsedPages(sequence),
                          .context_length = sequence.context_length,
                          .first_row = static_cast<int>(i),
                          .row_count = sequence.row_count(),
                          .tree = sequence.tree,
                          .scratch_page = pool.ScratchPage(sequence.slot)});
  }
  const int64_t plan_offset = TableOffset(kTableCount, row_count);
  const AttentionPlan plan = planner_.Plan(sequences_, host_.span().subspan(plan_offset));
  const size_t size = plan_offset + plan.size;
  return cuda::CopyToDevice<int32_t>(device_.span().subspan(0, size), host_.span().first(size),
                                     stream);
}

StepTableView StepTables::View(int row_count) {
  const auto at = [&](int table) {
    return device_.span().device_pointer() + TableOffset(table, row_count);
  };
  return {.tokens = at(kTokens),
          .positions = at(kPositions),
          .kv_slots = at(kKvSlots),
          .hidden_rows = at(kHiddenRows),
          .plan = at(kTableCount)};
}

}  // namespace chimera
