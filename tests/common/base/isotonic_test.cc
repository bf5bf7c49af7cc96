#include "common/base/isotonic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace chimera {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pointwise;

std::vector<double> Ascending(const std::vector<double>& weights, std::vector<double> values) {
  MakeAscending<double>(weights, values);
  return values;
}

TEST(MakeAscendingTest, KeepsWhatNeverFalls) {
  EXPECT_THAT(Ascending({}, {}), IsEmpty());
  EXPECT_THAT(Ascending({2}, {5}), ElementsAre(5));
  EXPECT_THAT(Ascending({1, 2, 1, 1}, {-1, 0, 0, 3}), ElementsAre(-1, 0, 0, 3));
}

TEST(MakeAscendingTest, NeighboursThatFallBecomeTheirWeightedMean) {
  EXPECT_THAT(Ascending({1, 3}, {4, 0}), ElementsAre(1, 1));
  EXPECT_THAT(Ascending({1, 1, 1, 1}, {0, 3, 1, 9}), ElementsAre(0, 2, 2, 9));
}

TEST(MakeAscendingTest, AMeanThatFallsBelowItsLeftNeighbourTakesItIn) {
  EXPECT_THAT(Ascending({1, 1, 2}, {3, 4, 0}), ElementsAre(1.75, 1.75, 1.75));
}

// The solution's formula: the largest, over starts at or before i, of the smallest mean, over ends
// at or after i.
double MaxMinMean(const std::vector<double>& weights, const std::vector<double>& values, size_t i) {
  double largest = -1e300;
  for (size_t begin = 0; begin <= i; ++begin) {
    double smallest = 1e300, weight = 0, sum = 0;
    for (size_t end = begin; end < values.size(); ++end) {
      weight += weights[end];
      sum += weights[end] * values[end];
      if (end >= i) smallest = std::min(smallest, sum / weight);
    }
    largest = std::max(largest, smallest);
  }
  return largest;
}

TEST(MakeAscendingTest, EqualsTheMaxMinFormula) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> value(-1, 1), weight(0.1, 4);
  for (size_t size = 1; size < 40; ++size) {
    std::vector<double> values(size), weights(size), expected(size);
    for (size_t i = 0; i < size; ++i) {
      values[i] = value(random);
      weights[i] = weight(random);
    }
    for (size_t i = 0; i < size; ++i) expected[i] = MaxMinMean(weights, values, i);
    EXPECT_THAT(Ascending(weights, values), Pointwise(DoubleNear(1e-12), expected));
  }
}

}  // namespace
}  // namespace chimera
