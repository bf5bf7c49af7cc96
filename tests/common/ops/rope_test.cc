#include "common/ops/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/common/ops/rounding.h"

namespace chimera {
namespace {

using testing::kRounding;
using testing::RandomVector;

// A rotation has the rounding of the cosine, the sine, one product and the fma that adds the other:
// each of at most one unit of |a| + |b|.
constexpr double kTurnRoundings = 4;

std::vector<float> Turned(const RopeTable& table, int64_t position, std::vector<float> x) {
  RopeReference(table, position, x);
  return x;
}

TEST(RopeTest, PositionZeroChangesNothing) {
  std::mt19937 random(1);
  const std::vector<float> x = RandomVector(128, &random);
  EXPECT_EQ(Turned(RopeTable(1, 64, 1e5f), 0, x), x);
}

TEST(RopeTest, TurnsInterleavedPairs) {
  // Frequencies 100^0 and 100^(-2/4): at position 3 pair 0 turns by 3 and pair 1 by 0.3.
  const RopeTable table(4, 4, 100.0f);
  const auto cosine = [](double angle) { return static_cast<float>(std::cos(angle)); };
  const auto sine = [](double angle) { return static_cast<float>(std::sin(angle)); };
  EXPECT_EQ(Turned(table, 3, {1, 0, 0, 0}), (std::vector<float>{cosine(3), sine(3), 0, 0}));
  EXPECT_EQ(Turned(table, 3, {0, 1, 0, 0}), (std::vector<float>{-sine(3), cosine(3), 0, 0}));
  EXPECT_EQ(Turned(table, 3, {0, 0, 1, 0}), (std::vector<float>{0, 0, cosine(0.3), sine(0.3)}));
  EXPECT_EQ(Turned(table, 3, {0, 0, 0, 1}), (std::vector<float>{0, 0, -sine(0.3), cosine(0.3)}));
}

TEST(RopeTest, AgreesWithDoublePrecision) {
  constexpr int kHeadDim = 64;
  constexpr float kBase = 1e5f;
  const RopeTable table(8192, kHeadDim, kBase);
  std::mt19937 random(2);
  for (const int64_t position : {1, 2, 100, 4095, 8191}) {
    const std::vector<float> x = RandomVector(kHeadDim, &random);
    const std::vector<float> y = Turned(table, position, x);
    for (int i = 0; i < kHeadDim; i += 2) {
      const double angle = static_cast<double>(position) *
                           std::pow(double{kBase}, -static_cast<double>(i) / kHeadDim);
      const double a = x[i], b = x[i + 1];
      const double tolerance = kTurnRoundings * kRounding * (std::fabs(a) + std::fabs(b));
      ASSERT_NEAR(y[i], a * std::cos(angle) - b * std::sin(angle), tolerance) << position;
      ASSERT_NEAR(y[i + 1], a * std::sin(angle) + b * std::cos(angle), tolerance) << position;
    }
  }
}

TEST(RopeTest, EveryHeadTurnsAlike) {
  const RopeTable table(10, 16, 1e4f);
  std::mt19937 random(3);
  const std::vector<float> head = RandomVector(16, &random);
  std::vector<float> three;
  for (int i = 0; i < 3; ++i) three.insert(three.end(), head.begin(), head.end());
  const std::vector<float> one = Turned(table, 9, head);
  const std::vector<float> all = Turned(table, 9, three);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], one[i % 16]) << i;
}

// What the embedding is for: the product of a query and a key depends on their distance only.
TEST(RopeTest, ProductsDependOnTheDistanceOnly) {
  constexpr int kHeadDim = 64;
  const RopeTable table(1100, kHeadDim, 1e5f);
  std::mt19937 random(4);
  const std::vector<float> query = RandomVector(kHeadDim, &random);
  const std::vector<float> key = RandomVector(kHeadDim, &random);
  const auto product = [&](int64_t query_position, int64_t key_position) {
    const std::vector<float> q = Turned(table, query_position, query);
    const std::vector<float> k = Turned(table, key_position, key);
    double sum = 0;
    for (int i = 0; i < kHeadDim; ++i) sum += double{q[i]} * k[i];
    return sum;
  };
  // Every element of q and k is at most sqrt(2), and off by the roundings of a turn of a + b <= 2.
  const double tolerance = 2 * kHeadDim * std::sqrt(2.0) * kTurnRoundings * 2 * kRounding;
  for (const int64_t shift : {1, 64, 1000}) {
    EXPECT_NEAR(product(57 + shift, 40 + shift), product(57, 40), 2 * tolerance) << shift;
  }
  EXPECT_GT(std::fabs(product(58, 40) - product(57, 40)), 100 * tolerance) << "the distance counts";
}

}  // namespace
}  // namespace chimera
