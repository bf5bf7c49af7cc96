#include "tools/gpu_bench/time_spread.h"

#include <gtest/gtest.h>

namespace chimera {
namespace {

TEST(TimeSpreadTest, OddNumbersHaveAMiddle) {
  const TimeSpread spread = SpreadOf({5, 1, 3, 2, 4});
  EXPECT_EQ(spread.median, 3);
  EXPECT_EQ(spread.lower_quartile, 2);
  EXPECT_EQ(spread.upper_quartile, 4);
}

TEST(TimeSpreadTest, BetweenTwoIsTheirMean) {
  const TimeSpread spread = SpreadOf({4, 1, 2, 3});
  EXPECT_EQ(spread.median, 2.5);
  EXPECT_EQ(spread.lower_quartile, 1.5);
  EXPECT_EQ(spread.upper_quartile, 3.5);
}

TEST(TimeSpreadTest, OneTimeHasNoSpread) {
  const TimeSpread spread = SpreadOf({7});
  EXPECT_EQ(spread.median, 7);
  EXPECT_EQ(spread.lower_quartile, 7);
  EXPECT_EQ(spread.upper_quartile, 7);
}

TEST(TimeSpreadTest, TimesArePositive) { EXPECT_GT(SpreadOf({0}).median, 0); }

TEST(TimeSpreadTest, DividesAll) {
  const TimeSpread spread = SpreadOf({2, 4, 6}).DividedBy(2);
  EXPECT_EQ(spread.median, 2);
  EXPECT_EQ(spread.lower_quartile, 1.5);
  EXPECT_EQ(spread.upper_quartile, 2.5);
}

}  // namespace
}  // namespace chimera
