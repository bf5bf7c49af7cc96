#include "drafter/ngram_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace chimera {

void PrintTo(const NgramIndex::Match& match, std::ostream* out) {
  *out << "{next " << match.next << ", length " << match.length << "}";
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<NgramIndex::Match> FindMatches(const NgramIndex& index) {
  std::vector<NgramIndex::Match> matches = {{.next = -7, .length = -7}};
  index.FindMatches(&matches);
  return matches;
}

// Compares everything with everything.
std::vector<NgramIndex::Match> FindMatchesSlowly(const std::vector<int32_t>& tokens,
                                                 int64_t window) {
  std::vector<NgramIndex::Match> matches;
  const int64_t size = static_cast<int64_t>(tokens.size());
  const int64_t oldest = std::max<int64_t>(0, size - window);
  for (int64_t next = size - 1; next > oldest; --next) {
    int32_t length = 0;
    while (length < NgramIndex::kMaxMatchLength && next - 1 - length >= oldest &&
           tokens[next - 1 - length] == tokens[size - 1 - length]) {
      ++length;
    }
    if (length > 0) matches.push_back({.next = next, .length = length});
  }
  return matches;
}

TEST(NgramIndexTest, NothingMatchesAtFirst) {
  NgramIndex index(16);
  EXPECT_THAT(FindMatches(index), IsEmpty());
  index.Append(5);
  EXPECT_THAT(FindMatches(index), IsEmpty());
  index.Append(6);
  EXPECT_THAT(FindMatches(index), IsEmpty());
}

TEST(NgramIndexTest, GivesTheNewestMatchFirstWithItsLength) {
  NgramIndex index(16);
  for (const int32_t token : {1, 2, 3, 9, 2, 3, 8, 1, 2, 3}) index.Append(token);
  using Match = NgramIndex::Match;
  EXPECT_THAT(FindMatches(index),
              ElementsAre(Match{.next = 6, .length = 2}, Match{.next = 3, .length = 3}));
}

TEST(NgramIndexTest, AgreesWithASlowSearchWhileTheWindowSlides) {
  std::mt19937 random(11);
  for (const int32_t window : {1, 2, 7, 64}) {
    NgramIndex index(window);
    std::vector<int32_t> tokens;
    for (int step = 0; step < 300; ++step) {
      tokens.push_back(static_cast<int32_t>(random() % 4));
      index.Append(tokens.back());
      ASSERT_EQ(index.size(), static_cast<int64_t>(tokens.size()));
      ASSERT_EQ(FindMatches(index), FindMatchesSlowly(tokens, window)) << "step " << step;
    }
  }
}

TEST(NgramIndexTest, BoundsTheMatchesOfASequenceThatRepeatsItself) {
  NgramIndex index(8192);
  for (int step = 0; step < 8192; ++step) index.Append(1);
  EXPECT_EQ(FindMatches(index).size(), 256u);
}

TEST(NgramIndexTest, FindsALongMatchBehindManyShortOnes) {
  NgramIndex index(8192);
  for (const int32_t token : {1, 2, 3, 4}) index.Append(token);
  for (int step = 0; step < 500; ++step) {
    index.Append(1000 + step);
    index.Append(4);
  }
  for (const int32_t token : {1, 2, 3, 4}) index.Append(token);
  EXPECT_EQ(FindMatches(index).size(), 65u);
  EXPECT_EQ(FindMatches(index).back(), (NgramIndex::Match{.next = 4, .length = 4}));
}

}  // namespace
}  // namespace chimera
