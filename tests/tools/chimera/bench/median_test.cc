#include "tools/chimera/bench/median.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace chimera {
namespace {

using ::testing::DoubleNear;

TEST(MedianTest, IsTheMiddleOrTheMeanOfTwo) {
  EXPECT_EQ(EstimateMedian({3}).median, 3);
  EXPECT_EQ(EstimateMedian({4, 1}).median, 2.5);
  EXPECT_EQ(EstimateMedian({9, 1, 5}).median, 5);
}

TEST(MedianTest, FiveMeasurementsAreTooFewForAnInterval) {
  EXPECT_FALSE(EstimateMedian({1, 2, 3, 4, 5}).interval.has_value());
}

// Ranks as printed in tables of the sign test.
TEST(MedianTest, TakesTheNarrowestIntervalOf95Percent) {
  const struct {
    int count;
    int rank;
    double confidence;
  } cases[] = {{6, 1, 0.96875},
               {8, 1, 0.9921875},
               {9, 2, 0.9609375},
               {20, 6, 0.9586105},
               {25, 8, 0.9567147}};
  for (const auto& [count, rank, confidence] : cases) {
    std::vector<double> values;
    for (int i = count; i >= 1; --i) values.push_back(i);
    const auto interval = EstimateMedian(values).interval;
    ASSERT_TRUE(interval.has_value()) << count;
    EXPECT_EQ(interval->low, rank) << count;
    EXPECT_EQ(interval->high, count + 1 - rank) << count;
    EXPECT_THAT(interval->confidence, DoubleNear(confidence, 1e-7)) << count;
  }
}

TEST(MedianTest, ManyValuesHaveAnIntervalAsWideAsTheNormalOne) {
  std::vector<double> values(2000);
  std::iota(values.begin(), values.end(), 1);
  const auto interval = EstimateMedian(values).interval;
  ASSERT_TRUE(interval.has_value());
  EXPECT_THAT(interval->high - interval->low, DoubleNear(2 * 1.96 * std::sqrt(2000) / 2, 3));
  EXPECT_THAT(interval->confidence, DoubleNear(0.95, 0.005));
}

// Of 4000 samples the share that holds the true median lies within five standard deviations,
// 0.0153, of the promised 0.9609.
TEST(MedianTest, TheIntervalHoldsTheMedianAsOftenAsPromised) {
  std::mt19937 random(2);
  int held = 0;
  for (int sample = 0; sample < 4000; ++sample) {
    std::vector<double> values(9);
    for (double& value : values) value = -std::log(1 - random() * 0x1p-32);  // median log 2
    const auto interval = EstimateMedian(values).interval;
    if (interval->low <= std::log(2.0) && std::log(2.0) <= interval->high) ++held;
  }
  EXPECT_THAT(held / 4000.0, DoubleNear(0.9609, 5 * std::sqrt(0.9609 * 0.0391 / 4000)));
}

}  // namespace
}  // namespace chimera
