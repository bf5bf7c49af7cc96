#include "tools/chimera/bench/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace chimera {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(ScheduleTest, AlternatesTheOrderOfTwoModes) {
  EXPECT_THAT(MakeSchedule(5, 2, 2), ElementsAre(Block{0, 2, 0}, Block{0, 2, 1}, Block{2, 4, 1},
                                                 Block{2, 4, 0}, Block{4, 5, 0}, Block{4, 5, 1}));
}

TEST(ScheduleTest, OneModeRunsStraightThrough) {
  EXPECT_THAT(MakeSchedule(3, 1, 8), ElementsAre(Block{0, 3, 0}));
}

TEST(ScheduleTest, EveryModeSeesEveryPromptOnce) {
  for (int prompts = 1; prompts < 20; ++prompts) {
    for (int block_size = 1; block_size < 8; ++block_size) {
      std::map<std::pair<int, int>, int> runs;
      for (const Block& block : MakeSchedule(prompts, 3, block_size)) {
        for (int i = block.first_prompt; i < block.end_prompt; ++i) ++runs[{i, block.mode}];
      }
      EXPECT_THAT(runs, SizeIs(3 * prompts));
      EXPECT_THAT(runs, Each(Pair(::testing::_, 1)));
    }
  }
}

TEST(ScheduleTest, BlocksHoldTwoRoundsOfStreams) {
  EXPECT_EQ(BlockSize(1), 2);
  EXPECT_EQ(BlockSize(8), 16);
}

}  // namespace
}  // namespace chimera
