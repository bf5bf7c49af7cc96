#include "common/cuda/kernels/fragment_gemm_plan.h"

#include <gtest/gtest.h>

namespace chimera {
namespace {

// Changing one of these changes what models answer.
TEST(FragmentGemmPlanTest, SplitsOfKnownLayers) {
  // LLaMA-2-7B: q, k and v; attention's output; gate and up; down; vocabulary.
  static_assert(FragmentGemmSplits(12288, 4096) == 2);
  static_assert(FragmentGemmSplits(4096, 4096) == 4);
  static_assert(FragmentGemmSplits(22016, 4096) == 1);
  static_assert(FragmentGemmSplits(4096, 11008) == 4);
  static_assert(FragmentGemmSplits(32000, 4096) == 1);
  // SmolLM2-135M.
  static_assert(FragmentGemmSplits(960, 576) == 4);
  static_assert(FragmentGemmSplits(576, 576) == 4);
  static_assert(FragmentGemmSplits(3072, 576) == 4);
  static_assert(FragmentGemmSplits(576, 1536) == 8);
  static_assert(FragmentGemmSplits(49152, 576) == 1);
}

TEST(FragmentGemmPlanTest, SplitsCoverEveryStepOnce) {
  for (const int output_size : {16, 576, 4096, 22016, 128256}) {
    for (int input_size = 16; input_size <= 16384; input_size += 16) {
      const int splits = FragmentGemmSplits(output_size, input_size);
      ASSERT_GE(splits, 1);
      ASSERT_LE(splits, kMaxFragmentGemmSplits);
      ASSERT_EQ(FragmentSplitBegin(0, splits, input_size), 0);
      ASSERT_EQ(FragmentSplitBegin(splits, splits, input_size), input_size / kFragmentSize);
      for (int split = 0; split < splits; ++split) {
        const int size = FragmentSplitBegin(split + 1, splits, input_size) -
                         FragmentSplitBegin(split, splits, input_size);
        ASSERT_GE(size, input_size / kFragmentSize / splits);
        ASSERT_LE(size, input_size / kFragmentSize / splits + 1);
        ASSERT_GE(size, 1);
      }
    }
  }
}

TEST(FragmentGemmPlanTest, OutputsOfManyRowsAreSummed) {
  EXPECT_EQ(FragmentGemmOutputSplits(1, 4096, 4096), 4);
  EXPECT_EQ(FragmentGemmOutputSplits(64, 4096, 4096), 4);
  EXPECT_EQ(FragmentGemmOutputSplits(65, 4096, 4096), 1);
  EXPECT_EQ(FragmentGemmOutputElements(64, 4096, 4096), 4 * 64 * 4096);
  EXPECT_EQ(FragmentGemmOutputElements(1 << 20, 4096, 4096), int64_t{1} << 32);
}

TEST(FragmentGemmPlanTest, TilesFitTheRows) {
  EXPECT_EQ(ChooseFragmentGemmTile(8, 4096, 4096), FragmentGemmTile::kRows8);
  EXPECT_EQ(ChooseFragmentGemmTile(9, 4096, 4096), FragmentGemmTile::kRows16);
  EXPECT_EQ(ChooseFragmentGemmTile(17, 4096, 4096), FragmentGemmTile::kRows32);
  EXPECT_EQ(ChooseFragmentGemmTile(33, 4096, 4096), FragmentGemmTile::kRows64Deep);
  EXPECT_EQ(ChooseFragmentGemmTile(64, 22016, 4096), FragmentGemmTile::kRows64);
  EXPECT_EQ(ChooseFragmentGemmTile(65, 4096, 4096), FragmentGemmTile::kSummed64);
  EXPECT_EQ(ChooseFragmentGemmTile(512, 4096, 4096), FragmentGemmTile::kSummed64);
  EXPECT_EQ(ChooseFragmentGemmTile(2048, 4096, 4096), FragmentGemmTile::kSummed128);
}

}  // namespace
}  // namespace chimera
