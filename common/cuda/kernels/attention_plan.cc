#include "common/cuda/kernels/attention_plan.h"

#include <algorithm>
#include <vector>

#include "common/base/check.h"
#include "common/cuda/kernels/attention_blocks.h"
#include "common/cuda/kernels/attention_plan_writer.h"
#include "common/cuda/kernels/attention_records.h"

namespace chimera {
namespace {

int CeilDivide(int dividend, int divisor) { return (dividend + divisor - 1) / divisor; }

int RowsPerBlock(const AttentionPlannerOptions& options) {
  return kAttentionBlockRows / (options.head_count / options.kv_head_count);
}

int MaxBlocks(const AttentionPlannerOptions& options) {
  return options.limits.rows / RowsPerBlock(options) + options.limits.sequences;
}

// Splits the blocks that would take more than twice their share of all the work, until the
// workspace is full. What is not split needs no workspace, and its sums do not leave the
// multiprocessor.
void ChooseSplits(const AttentionPlannerOptions& options, std::vector<AttentionBlock>* blocks) {
  int64_t all_parts = 0;
  for (const AttentionBlock& block : *blocks) all_parts += block.part_count();
  int used = 0;
  for (AttentionBlock& block : *blocks) {
    const int64_t parts = block.part_count();
    if (parts < options.min_split_parts) continue;
    if (parts * options.concurrent_blocks <= 2 * all_parts * options.kv_head_count) continue;
    if (parts * block.row_count > options.limits.partial_rows - used) continue;
    block.first_partial_row = used;
    used += static_cast<int>(parts) * block.row_count;
  }
}

// The time that work takes, roughly and in tiles.
int Cost(const AttentionWork& work) {
  constexpr int kTailCost = 3;
  return work.end_tile - work.first_tile + (work.tail >= 0 ? kTailCost : 0);
}

void AppendWork(const AttentionBlock& block, const AttentionWork& whole,
                std::vector<AttentionWork>* works) {
  if (!block.is_split()) {
    works->push_back(whole);
    return;
  }
  for (int part = 0; part < block.part_count(); ++part) {
    AttentionWork work = whole;
    if (part < block.chunk_count) {
      work.first_tile = part * work.chunk_tiles;
      work.end_tile = std::min(work.first_tile + work.chunk_tiles, whole.end_tile);
      work.tail = -1;
    } else {
      work.end_tile = 0;
    }
    work.first_partial_row = block.first_partial_row + part * block.row_count;
    works->push_back(work);
  }
}

}  // namespace

AttentionPlanner::AttentionPlanner(const AttentionPlannerOptions& options) : options_(options) {
  CHIMERA_CHECK(options.kv_head_count > 0 && options.head_count > 0 &&
                options.head_count % options.kv_head_count == 0 &&
                options.head_count <= kAttentionBlockRows * options.kv_head_count)
      << options.head_count << " heads, " << options.kv_head_count << " of keys";
}

int64_t AttentionPlanner::buffer_size() const {
  const AttentionLimits& limits = options_.limits;
  const int64_t blocks = MaxBlocks(options_);
  // A part of a block that is split has at least one row of the workspace.
  const int64_t works = blocks + limits.partial_rows;
  int64_t size = AttentionPlanWriter::kRecordSize<AttentionHeader>;
  size += works * AttentionPlanWriter::kRecordSize<AttentionWork>;
  size += limits.rows * AttentionPlanWriter::kRecordSize<AttentionMerge>;
  size += limits.rows * AttentionPlanWriter::kRecordSize<AttentionRow>;
  size += blocks * AttentionPlanWriter::kRecordSize<AttentionTail>;
  return size + limits.pages + limits.sequences * AttentionPlanWriter::kAlignment;
}

AttentionPlan AttentionPlanner::Plan(std::span<const AttentionSequence> sequences,
                                     std::span<int32_t> buffer) const {
  CHIMERA_CHECK(static_cast<int>(sequences.size()) <= options_.limits.sequences)
      << sequences.size() << " sequences, the limit is " << options_.limits.sequences;
  const int chunk_positions = AttentionChunkPositions(options_.kv_head_count);
  std::vector<AttentionBlock> blocks;
  for (const AttentionSequence& sequence : sequences) {
    AppendBlocks(sequence, RowsPerBlock(options_), chunk_positions, &blocks);
  }
  ChooseSplits(options_, &blocks);

  AttentionHeader header;
  for (const AttentionBlock& block : blocks) {
    header.work_count += block.is_split() ? block.part_count() : 1;
    header.merge_count += block.is_split() ? block.row_count : 0;
  }
  AttentionPlanWriter writer(buffer);
  writer.Reserve<AttentionHeader>(1);
  const int first_work = writer.Reserve<AttentionWork>(header.work_count);
  header.merges = writer.Reserve<AttentionMerge>(header.merge_count);

  std::vector<AttentionWork> works;
  std::vector<AttentionMerge> merges;
  const AttentionSequence* sequence = nullptr;
  int pages = 0;
  for (const AttentionBlock& block : blocks) {
    if (block.sequence != sequence) {
      sequence = block.sequence;
      pages = writer.AppendPages(sequence->pages.first(block.page_count()));
    }
    std::vector<AttentionRow> rows(block.row_count);
    const AttentionTail tail = TailOf(block, rows);
    AttentionWork work;
    work.first_row = sequence->first_row + block.first;
    work.row_count = block.row_count;
    work.rows = writer.Append<AttentionRow>(rows);
    work.pages = pages;
    work.end_tile = CeilDivide(block.bulk_end, kAttentionTilePositions);
    work.chunk_tiles = chunk_positions / kAttentionTilePositions;
    work.bulk_end = block.bulk_end;
    work.tail = writer.Append<AttentionTail>({&tail, 1});
    AppendWork(block, work, &works);
    for (int row = 0; block.is_split() && row < block.row_count; ++row) {
      merges.push_back({work.first_row + row, block.first_partial_row + row, block.row_count,
                        block.part_count()});
    }
  }
  std::ranges::stable_sort(works, std::ranges::greater(), Cost);
  writer.Write<AttentionHeader>(0, {&header, 1});
  writer.Write<AttentionWork>(first_work, works);
  writer.Write<AttentionMerge>(header.merges, merges);
  return {writer.size(), header.work_count, header.merge_count};
}

}  // namespace chimera
