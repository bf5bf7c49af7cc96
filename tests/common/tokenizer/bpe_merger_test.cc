#include "common/tokenizer/bpe_merger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace chimera {
namespace {

using ::testing::ElementsAre;

std::vector<int32_t> Merge(const BpeMerger& merger, const std::vector<int32_t>& tokens) {
  BpeMerger::Scratch scratch;
  std::vector<int32_t> merged;
  merger.Merge(tokens, &scratch, &merged);
  return merged;
}

// The definition, in quadratic time: of the pairs present, merge the one of lowest rank, leftmost.
std::vector<int32_t> MergeByDefinition(const std::vector<BpeMerge>& merges,
                                       std::vector<int32_t> tokens) {
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (tokens[i] != merges[rank].left || tokens[i + 1] != merges[rank].right) continue;
      tokens[i] = merges[rank].merged;
      tokens.erase(tokens.begin() + i + 1);
      return MergeByDefinition(merges, tokens);
    }
  }
  return tokens;
}

TEST(BpeMergerTest, LowerRankGoesFirst) {
  BpeMerger merger;
  ASSERT_TRUE(merger.Add({2, 3, 10}));
  ASSERT_TRUE(merger.Add({1, 2, 11}));
  ASSERT_TRUE(merger.Add({1, 10, 12}));
  EXPECT_THAT(Merge(merger, {1, 2, 3}), ElementsAre(12));
  EXPECT_THAT(Merge(merger, {1, 2, 4}), ElementsAre(11, 4));
}

TEST(BpeMergerTest, EqualPairsGoFromTheLeft) {
  BpeMerger merger;
  ASSERT_TRUE(merger.Add({1, 1, 2}));
  EXPECT_THAT(Merge(merger, {1, 1, 1}), ElementsAre(2, 1));
  EXPECT_THAT(Merge(merger, {1, 1, 1, 1, 1}), ElementsAre(2, 2, 1));
}

TEST(BpeMergerTest, NothingToMerge) {
  BpeMerger merger;
  EXPECT_THAT(Merge(merger, {}), ElementsAre());
  EXPECT_THAT(Merge(merger, {7}), ElementsAre(7));
  EXPECT_THAT(Merge(merger, {7, 8}), ElementsAre(7, 8));
}

TEST(BpeMergerTest, OnePairHasOneRank) {
  BpeMerger merger;
  EXPECT_TRUE(merger.Add({1, 2, 3}));
  EXPECT_FALSE(merger.Add({1, 2, 4}));
  EXPECT_THAT(Merge(merger, {1, 2}), ElementsAre(3));
}

TEST(BpeMergerTest, AgreesWithTheDefinition) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    BpeMerger merger;
    std::vector<BpeMerge> merges;
    for (int32_t merged = 4; merged < 24; ++merged) {
      const auto any = [&] { return static_cast<int32_t>(random() % merged); };
      const BpeMerge merge = {any(), any(), merged};
      if (merger.Add(merge)) merges.push_back(merge);
    }
    std::vector<int32_t> tokens(random() % 40);
    for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 4);
    EXPECT_EQ(Merge(merger, tokens), MergeByDefinition(merges, tokens)) << "round " << round;
  }
}

}  // namespace
}  // namespace chimera
