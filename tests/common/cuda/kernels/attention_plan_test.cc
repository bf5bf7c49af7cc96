#include "common/cuda/kernels/attention_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "common/cuda/kernels/attention_records.h"
#include "tests/common/cuda/kernels/attention_trees.h"

namespace chimera::testing {
namespace {

// A step's sequences with what they point to.
struct Step {
  std::vector<std::vector<int32_t>> pages;
  std::vector<TokenTree> trees;
  std::vector<AttentionSequence> sequences;
  AttentionLimits limits;  // just enough, without rows of the workspace
};

// Chunks and trees of random sizes at random positions.
Step RandomStep(int sequence_count, uint32_t seed) {
  std::mt19937 random(seed);
  Step step;
  step.trees.reserve(sequence_count);
  step.pages.reserve(sequence_count);
  step.limits.sequences = sequence_count;
  for (int i = 0; i < sequence_count; ++i) {
    AttentionSequence sequence;
    sequence.context_length = static_cast<int>(random() % 900);
    sequence.first_row = step.limits.rows;
    sequence.row_count = 1 + static_cast<int>(random() % (i % 2 == 0 ? 64 : 200));
    int positions = sequence.context_length;
    if (i % 2 == 0) {
      step.trees.push_back(RandomTree(sequence.row_count, random()));
      sequence.tree = &step.trees.back();
    } else {
      positions += sequence.row_count;
    }
    step.pages.emplace_back((positions + 15) / 16);
    std::iota(step.pages.back().begin(), step.pages.back().end(), step.limits.pages);
    sequence.pages = step.pages.back();
    step.limits.rows += sequence.row_count;
    step.limits.pages += static_cast<int>(sequence.pages.size());
    step.sequences.push_back(sequence);
  }
  return step;
}

// A plan and its records.
struct Written {
  std::vector<int32_t> buffer;
  AttentionPlan plan;

  template <typename Record>
  std::span<const Record> Records(int offset, int count) const {
    return {reinterpret_cast<const Record*>(buffer.data() + offset), static_cast<size_t>(count)};
  }
  const AttentionHeader& header() const { return Records<AttentionHeader>(0, 1).front(); }
  std::span<const AttentionWork> works() const {
    return Records<AttentionWork>(sizeof(AttentionHeader) / sizeof(int32_t), header().work_count);
  }
  std::span<const AttentionMerge> merges() const {
    return Records<AttentionMerge>(header().merges, header().merge_count);
  }
};

Written WritePlan(const Step& step, const AttentionPlannerOptions& options) {
  const AttentionPlanner planner(options);
  Written written;
  written.buffer.resize(planner.buffer_size());
  written.plan = planner.Plan(step.sequences, written.buffer);
  EXPECT_LE(written.plan.size, planner.buffer_size());
  EXPECT_EQ(written.plan.work_count, written.header().work_count);
  EXPECT_EQ(written.plan.merge_count, written.header().merge_count);
  return written;
}

// Rows of the step, and how often each is written to the output.
std::map<int, int> WrittenRows(const Written& written) {
  std::map<int, int> rows;
  for (const AttentionWork& work : written.works()) {
    for (int row = 0; work.first_partial_row < 0 && row < work.row_count; ++row) {
      ++rows[work.first_row + row];
    }
  }
  for (const AttentionMerge& merge : written.merges()) ++rows[merge.row];
  return rows;
}

// Tiles of the parts that go to each row of the workspace, -1 for a tail.
std::map<int, std::vector<int>> PartialRows(const Written& written) {
  std::map<int, std::vector<int>> rows;
  for (const AttentionWork& work : written.works()) {
    for (int row = 0; work.first_partial_row >= 0 && row < work.row_count; ++row) {
      std::vector<int>& parts = rows[work.first_partial_row + row];
      for (int tile = work.first_tile; tile < work.end_tile; ++tile) parts.push_back(tile);
      if (work.tail >= 0) parts.push_back(-1);
    }
  }
  return rows;
}

TEST(AttentionPlanTest, BulkEndsAtPagesThatAreCommittedForCertain) {
  for (int position = 0; position < 200; ++position) {
    const int end = AttentionBulkEnd(position);
    EXPECT_EQ(end % 16, 0);
    EXPECT_LE(end, std::max(0, position - TokenTree::kMaxDepth)) << position;
    EXPECT_LE(position + 1 - end, 31) << position;
  }
}

TEST(AttentionPlanTest, EachRowIsWrittenOnce) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Step step = RandomStep(1 + static_cast<int>(seed % 6), seed);
    step.limits.partial_rows = static_cast<int>(seed) * 40;
    for (const int concurrent_blocks : {0, 264, 1 << 20}) {
      const auto written =
          WritePlan(step, {8, seed % 3 == 0 ? 8 : 2, step.limits, concurrent_blocks});
      const std::map<int, int> rows = WrittenRows(written);
      EXPECT_EQ(static_cast<int>(rows.size()), step.limits.rows);
      for (const auto& [row, count] : rows) EXPECT_EQ(count, 1) << row;
    }
  }
}

TEST(AttentionPlanTest, PartsOfARowAreItsChunksInOrderAndItsTail) {
  Step step = RandomStep(5, 1);
  step.limits.partial_rows = 100000;
  const auto written = WritePlan(step, {4, 2, step.limits, 1 << 20});
  const auto partial_rows = PartialRows(written);
  EXPECT_GT(written.plan.merge_count, 0);
  for (const AttentionMerge& merge : written.merges()) {
    int next_tile = 0;
    for (int part = 0; part < merge.part_count; ++part) {
      const auto& tiles = partial_rows.at(merge.first_partial_row + part * merge.partial_row_step);
      if (part == merge.part_count - 1) {
        EXPECT_EQ(tiles, std::vector<int>{-1});
        continue;
      }
      EXPECT_EQ(tiles.front() * kAttentionTilePositions, part * AttentionChunkPositions(2));
      for (const int tile : tiles) EXPECT_EQ(tile, next_tile++);
    }
  }
}

TEST(AttentionPlanTest, SplitsWhileTheWorkspaceLasts) {
  Step step = RandomStep(6, 2);
  int merge_count = 0;
  for (const int partial_rows : {0, 100, 1000, 100000}) {
    step.limits.partial_rows = partial_rows;
    const auto written = WritePlan(step, {4, 4, step.limits, 1 << 20});
    const auto rows = PartialRows(written);
    EXPECT_LT(rows.empty() ? -1 : rows.rbegin()->first, partial_rows);
    EXPECT_GE(written.plan.merge_count, merge_count);
    merge_count = written.plan.merge_count;
  }
  EXPECT_GT(merge_count, 0);
}

TEST(AttentionPlanTest, SplitsOneSequenceAndNotWhatKeepsTheDeviceBusyAnyway) {
  Step step;
  step.trees.push_back(TokenTree::RootOnly(0));
  step.pages.emplace_back(128);
  for (int i = 0; i < 64; ++i) {
    step.sequences.push_back({step.pages.front(), 2048, i, 1, &step.trees.front(), 1000 + 4 * i});
  }
  step.limits = {64, 64, 64 * 128, 4096};
  EXPECT_EQ(WritePlan(step, {32, 32, step.limits, 264}).plan.merge_count, 0);
  step.sequences.resize(1);
  const auto one = WritePlan(step, {32, 32, step.limits, 264});
  EXPECT_EQ(one.plan.merge_count, 1);
  EXPECT_EQ(one.plan.work_count, 8 + 1) << "chunks of 256 positions, and the tail";
}

TEST(AttentionPlanDeathTest, RefusesWhatIsBeyondTheLimits) {
  const Step step = RandomStep(2, 3);
  AttentionLimits limits = step.limits;
  limits.sequences = 1;
  EXPECT_DEATH(WritePlan(step, {1, 1, limits, 1}), "2 sequences, the limit is 1");
  EXPECT_DEATH(AttentionPlanner({3, 2, limits, 1}), "3 heads, 2 of keys");
  limits = step.limits;
  limits.pages = limits.rows = 0;
  EXPECT_DEATH(WritePlan(step, {1, 1, limits, 1}), "elements in a buffer of");
  Step short_table = step;
  short_table.sequences[0].pages = {};
  EXPECT_DEATH(WritePlan(short_table, {1, 1, step.limits, 1}), "positions in 0 pages");
}

}  // namespace
}  // namespace chimera::testing
