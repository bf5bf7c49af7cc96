// Attention on the device: near the reference, and the rows of a tree's nodes with the bits of
// plain decoding and prefill.

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "common/base/float16.h"
#include "common/cuda/kernels/attention_shape.h"
#include "common/cuda/kernels/tree_attention_reference.h"
#include "tests/common/cuda/gpu/device_run.h"
#include "tests/common/cuda/gpu/launch_order.h"
#include "tests/common/cuda/kernels/attention_subject.h"
#include "tests/common/cuda/kernels/attention_trees.h"
#include "tests/common/cuda/kernels/faulty_attention_plan.h"
#include "tests/testing/gpu.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

constexpr float kOutlier = 1 << 20;

void LaunchOnDevice(TreeAttentionArguments arguments, const AttentionMemory& memory,
                    LaunchOrder order) {
  DeviceRun run;
  std::span<float> workspace = memory.workspace;
  std::span<uint16_t> output = memory.output;
  arguments.plan = run.Copy(memory.plan);
  arguments.queries = run.Copy(memory.queries);
  arguments.keys = run.Copy(memory.keys);
  arguments.values = run.Copy(memory.values);
  arguments.workspace = run.CopyBothWays(workspace);
  arguments.output = run.CopyBothWays(output);
  CHIMERA_EXPECT_OK(LaunchTreeAttention(run.stream(), arguments, order));
  run.Finish();
}

// Shared out over other numbers of blocks each time, and in either order of the device.
std::vector<AttentionRowResult> RunOnDevice(AttentionStep* step, uint32_t seed,
                                            const AttentionRunOptions& options) {
  AttentionRunOptions varied = options;
  varied.block_count = DeviceIsEmulated() ? 3 : 1 + static_cast<int>(seed * 71 % 300);
  const auto launch = [seed](const TreeAttentionArguments& arguments,
                             const AttentionMemory& memory) {
    LaunchOnDevice(arguments, memory, OrderOfLaunch(seed));
  };
  return step->Run(launch, varied);
}

// With as much workspace as the tree alone can use.
AttentionSubject Subject(const AttentionHeads& heads, int context_length, const TokenTree& tree) {
  const int parts = context_length / AttentionChunkPositions(heads.kv_head_count) + 2;
  return {
      heads, context_length, tree, {.partial_rows = TokenTree::kMaxNodes * parts}, &RunOnDevice};
}

std::string Describe(const AttentionSubject& subject) {
  return ::testing::PrintToString(
      std::vector<int>{subject.heads.head_count, subject.heads.kv_head_count,
                       subject.heads.head_dim, subject.context_length, subject.tree.size()});
}

std::vector<AttentionHeads> Heads() {
  if (DeviceIsEmulated()) return {{3, 1, 64, kOutlier}};
  return {{1, 1, 64, kOutlier},  {9, 3, 64, kOutlier},   {4, 1, 64, 0},
          {8, 8, 128, kOutlier}, {32, 8, 128, kOutlier}, {8, 1, 128, 0}};
}

std::vector<int> ContextLengths() {
  return DeviceIsEmulated() ? std::vector{33, 150}
                            : std::vector{0, 1, 15, 16, 47, 64, 150, 167, 290, 1000};
}

class GpuTreeAttentionTest : public ::testing::Test {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }
};

TEST_F(GpuTreeAttentionTest, NodesEqualDecodingAndPrefill) {
  for (const AttentionHeads& heads : Heads()) {
    for (const int context_length : ContextLengths()) {
      const int size = DeviceIsEmulated() ? 20 : 64;
      const AttentionSubject subject =
          Subject(heads, context_length, RandomTree(size, context_length));
      EXPECT_EQ(CountDifferences(subject), 0) << Describe(subject);
    }
  }
}

TEST_F(GpuTreeAttentionTest, LongContextsToo) {
  if (DeviceIsEmulated()) GTEST_SKIP() << "takes long on an emulated device";
  for (const AttentionHeads& heads : {AttentionHeads{4, 1, 128, kOutlier}, {3, 1, 64, kOutlier}}) {
    const AttentionSubject subject = Subject(heads, 8003, RandomTree(64, 3));
    EXPECT_EQ(CountDifferences(subject, 13), 0) << Describe(subject);
  }
}

TEST_F(GpuTreeAttentionTest, BatchMatesDoNotMatter) {
  const AttentionSubject subject = Subject(Heads().front(), 163, RandomTree(11, 3));
  const auto expected = RowsOfTree(subject, 1, 0);
  for (uint32_t seed = 2; seed < (DeviceIsEmulated() ? 3 : 30); ++seed) {
    const auto rows = RowsOfTree(subject, seed, static_cast<int>(seed % 6));
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_TRUE(rows[i].Agrees(expected[i])) << "node " << i << ", seed " << seed;
    }
  }
}

// The bound of cuda/kernels/tree_attention_test.cc, with the largest of all values in place of
// those that a row sees.
TEST_F(GpuTreeAttentionTest, EqualsTheReference) {
  for (AttentionHeads heads : Heads()) {
    heads.outlier = 0;
    for (const int context_length : {3, 150}) {
      const TokenTree tree = RandomTree(12, 5);
      AttentionStep step(heads, context_length / 16 + 3, 1);
      step.AddTree(CommittedTokens(0, context_length), NodeTokens(context_length, tree), tree);
      const auto expected =
          TreeAttentionReference(step.Arguments(), step.sequences(), step.row_count());
      const auto rows = RunOnDevice(&step, 4, {});
      for (size_t row = 0; row < rows.size(); ++row) {
        const std::vector<uint16_t>& output = rows[row].output;
        for (size_t i = 0; i < output.size(); ++i) {
          ASSERT_NEAR(Bf16ToFloat(output[i]), expected[row * output.size() + i], 0x1p-5)
              << "row " << row << " element " << i;
        }
      }
    }
  }
}

// The checks above notice what they are there for.
TEST_F(GpuTreeAttentionTest, FaultyPlansAreCaught) {
  if (kSanitized) GTEST_SKIP() << "takes long";
  AttentionSubject subject =
      Subject({.head_count = 2, .kv_head_count = 1, .outlier = kOutlier}, 170, RandomTree(20, 4));
  EXPECT_EQ(CountDifferences(subject), 0);
  for (const auto& edit : {&PutTailsInStorageOrder, &JoinStepsOfTails, &ShowSiblings}) {
    subject.options.edit_plan = edit;
    EXPECT_GT(CountDifferences(subject), 0);
  }
  subject.options.concurrent_blocks = 0;
  subject.options.edit_plan = &ShortenChunksOfFewRows;
  EXPECT_GT(CountDifferences(subject), 0);
}

}  // namespace
}  // namespace chimera::testing
