// A row's bits depend on its position and path only.

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "common/cuda/kernels/tree_attention.h"
#include "tests/common/cuda/kernels/attention_subject.h"
#include "tests/common/cuda/kernels/attention_trees.h"
#include "tests/common/cuda/kernels/faulty_attention_plan.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;
using emulation::TensorCoreModel;

constexpr float kOutlier = 1 << 20;

// Run by emulators with this model of tensor cores.
struct Subject : AttentionSubject {
  Subject(const AttentionHeads& of_heads, int length, const TokenTree& nodes, TensorCoreModel model,
          const AttentionRunOptions& run_options)
      : AttentionSubject{of_heads, length, nodes, run_options, {}}, tensor_core(model) {
    run = [model](AttentionStep* step, uint32_t seed, const AttentionRunOptions& with) {
      Emulator emulator({.seed = seed, .tensor_core = model});
      return step->Run(&emulator, with);
    };
  }

  TensorCoreModel tensor_core;
};

std::string Describe(const Subject& subject) {
  return ::testing::PrintToString(std::vector<int>{
      subject.heads.head_count, subject.heads.kv_head_count, subject.heads.head_dim,
      subject.context_length, subject.tree.size(), static_cast<int>(subject.tensor_core)});
}

constexpr TensorCoreModel kModels[] = {TensorCoreModel::kHopper, TensorCoreModel::kAmpere,
                                       TensorCoreModel::kSequential};

TEST(CudaTreeAttentionInvarianceTest, NodesEqualDecodingAndPrefill) {
  for (const TensorCoreModel model : kModels) {
    for (const int context_length : {0, 9, 33, 78, 150, 167}) {
      if (kSanitized && (context_length != 150 || model != TensorCoreModel::kHopper)) continue;
      const Subject subject = {{.head_count = 3, .kv_head_count = 1, .outlier = kOutlier},
                               context_length,
                               RandomTree(24, context_length),
                               model,
                               {}};
      EXPECT_EQ(CountDifferences(subject), 0) << Describe(subject);
    }
  }
}

TEST(CudaTreeAttentionInvarianceTest, HoldsForLargeTreesAndHeads) {
  for (const TensorCoreModel model : kModels) {
    if (kSanitized && model != TensorCoreModel::kSequential) continue;
    for (const int outlier : {0, 1 << 20}) {
      if (kSanitized && outlier == 0) continue;
      const auto value = static_cast<float>(outlier);
      const Subject large = {{1, 1, 64, value}, 41, RandomTree(64, 1), model, {}};
      EXPECT_EQ(CountDifferences(large, 13), 0) << Describe(large);
      const Subject wide = {{1, 1, 64, value}, 20, WideTree(50), model, {}};
      EXPECT_EQ(CountDifferences(wide, 13), 0) << Describe(wide);
    }
    const Subject deep = {{1, 1, 128, kOutlier}, 139, ChainTree(16), model, {}};
    EXPECT_EQ(CountDifferences(deep), 0) << Describe(deep);
    const Subject grouped = {{8, 1, 128, kOutlier}, 70, RandomTree(12, 2), model, {}};
    EXPECT_EQ(CountDifferences(grouped), 0) << Describe(grouped);
  }
}

TEST(CudaTreeAttentionInvarianceTest, HoldsForManyHeads) {
  if (kSanitized) GTEST_SKIP() << "takes long, and differs by the length of chunks only";
  const Subject subject = {
      {32, 32, 64, kOutlier}, 290, RandomTree(2, 5), TensorCoreModel::kHopper, {}};
  EXPECT_EQ(CountDifferences(subject), 0);
}

TEST(CudaTreeAttentionInvarianceTest, HoldsForLongChunks) {
  for (const TensorCoreModel model : kModels) {
    if (kSanitized && model != TensorCoreModel::kAmpere) continue;
    const Subject subject = {{1, 1, 64, kOutlier}, 205, TokenTree::RootOnly(0), model, {}};
    const auto chunk = RowsOfChunk(subject, 0, 150, 1);
    for (const int count : {1, 3, 37, 64, 100}) {
      const auto rows = RowsOfChunk(subject, 0, count, count);
      for (int i = 0; i < count; ++i) {
        EXPECT_TRUE(rows[i].Agrees(chunk[150 - count + i])) << count << " " << i;
      }
    }
  }
}

// Other places of pages and scratch, other sequences in the step, other orders of threads, other
// numbers of blocks, and other ways to share out the work.
TEST(CudaTreeAttentionInvarianceTest, NothingElseMatters) {
  Subject subject = {{.head_count = 2, .kv_head_count = 2, .outlier = kOutlier},
                     163,
                     RandomTree(11, 3),
                     TensorCoreModel::kSequential,
                     {}};
  const auto expected = RowsOfTree(subject, 1, 0);
  EXPECT_FALSE(expected.front().parts.empty()) << "nothing was split";
  const auto check = [&](uint32_t seed, int mates) {
    const auto rows = RowsOfTree(subject, seed, mates);
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_TRUE(rows[i].Agrees(expected[i])) << "node " << i << ", seed " << seed;
    }
  };
  for (uint32_t seed = 2; seed < (kSanitized ? 3 : 6); ++seed) check(seed, static_cast<int>(seed));
  subject.options.order = LaunchOrder::kOverlapsPriorLaunch;
  subject.options.block_count = 50;
  check(7, 1);
  subject.options.partial_rows = 0;
  check(8, 1);
  subject.options.concurrent_blocks = 0;
  check(9, 1);
}

struct NamedFault {
  const char* name;
  void (*edit_plan)(std::span<int32_t> plan);
  int concurrent_blocks;
};

// The checks above notice what they are there for.
TEST(CudaTreeAttentionInvarianceTest, FaultyPlansAreCaught) {
  constexpr int kMany = 1 << 20;
  const NamedFault faults[] = {{"tail in storage order", &PutTailsInStorageOrder, kMany},
                               {"joined steps", &JoinStepsOfTails, kMany},
                               {"split by row count", &ShortenChunksOfFewRows, 0},
                               {"visible sibling", &ShowSiblings, kMany}};
  for (const TensorCoreModel model : kModels) {
    if (kSanitized && model != TensorCoreModel::kHopper) continue;
    Subject subject = {{.head_count = 2, .kv_head_count = 1, .outlier = kOutlier},
                       170,
                       RandomTree(20, 4),
                       model,
                       {}};
    EXPECT_EQ(CountDifferences(subject), 0);
    for (const NamedFault& fault : faults) {
      subject.options.edit_plan = fault.edit_plan;
      subject.options.concurrent_blocks = fault.concurrent_blocks;
      // The sequential model adds the positions of a step one after the other, too.
      const bool is_harmless =
          fault.edit_plan == &JoinStepsOfTails && model == TensorCoreModel::kSequential;
      EXPECT_EQ(CountDifferences(subject) == 0, is_harmless)
          << fault.name << ", " << Describe(subject);
    }
  }
}

}  // namespace
}  // namespace chimera::testing
