#include "common/sampling/logit_filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "common/sampling/shared_noise_reference.h"
#include "tests/testing/special_values.h"

namespace chimera {
namespace {

using ::chimera::testing::kInfinity;
using ::chimera::testing::kNan;
using ::testing::ElementsAre;

// The tokens that the filters leave, ascending.
std::vector<int32_t> Survivors(const std::vector<float>& logits, const SamplingParams& params) {
  LogitFilters filters;
  const std::span<const float> row = filters.Apply(logits, params);
  std::vector<int32_t> survivors;
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] > -kInfinity) survivors.push_back(static_cast<int32_t>(i));
  }
  return survivors;
}

std::vector<float> Logs(const std::vector<float>& probabilities) {
  std::vector<float> logs;
  logs.reserve(probabilities.size());
  for (const float p : probabilities) logs.push_back(std::log(p));
  return logs;
}

TEST(LogitFiltersTest, NothingToDoReturnsTheLogitsThemselves) {
  const std::vector<float> logits = {1.0f, 2.0f};
  LogitFilters filters;
  EXPECT_EQ(filters.Apply(logits, {.temperature = 1.0f}).data(), logits.data());
  EXPECT_THAT(filters.Apply(logits, {.temperature = 0.5f}), ElementsAre(2.0f, 4.0f));
}

TEST(LogitFiltersTest, TopKKeepsTheFirstKAndTheLowestIdsOfTies) {
  const std::vector<float> logits = {1, 3, 2, 3, 2, 2};
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_k = 1}), ElementsAre(1));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_k = 3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_k = 4}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_k = 99}), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(LogitFiltersTest, MinPComparesWithTheMostProbable) {
  const std::vector<float> logits = Logs({0.1f, 0.5f, 0.24f, 0.16f});
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .min_p = 0.25f}), ElementsAre(1, 2, 3));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .min_p = 0.4f}), ElementsAre(1, 2));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .min_p = 1.0f}), ElementsAre(1));
  // Temperature comes first: at T = 2 the ratios are square roots.
  EXPECT_THAT(Survivors(logits, {.temperature = 2, .min_p = 0.4f}), ElementsAre(0, 1, 2, 3));
}

TEST(LogitFiltersTest, TopPKeepsTheFewestThatReachIt) {
  const std::vector<float> logits = Logs({0.1f, 0.5f, 0.24f, 0.16f});
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 1e-30f}), ElementsAre(1));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 0.49f}), ElementsAre(1));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 0.51f}), ElementsAre(1, 2));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 0.89f}), ElementsAre(1, 2, 3));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 0.91f}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Survivors({0, 0, 0, 0}, {.temperature = 1, .top_p = 0.5f}), ElementsAre(0, 1));
  EXPECT_THAT(Survivors({0, 0, 0, 0}, {.temperature = 1, .top_p = 0.51f}), ElementsAre(0, 1, 2));
}

TEST(LogitFiltersTest, EachFilterWorksOnWhatTheOneBeforeKept) {
  const std::vector<float> logits = Logs({0.1f, 0.5f, 0.24f, 0.16f});
  // Of the first two alone, the most probable holds 0.5 / 0.74 = 0.676.
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_k = 2, .top_p = 0.6f}), ElementsAre(1));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .min_p = 0.4f, .top_p = 0.6f}), ElementsAre(1));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 0.6f}), ElementsAre(1, 2));
}

TEST(LogitFiltersTest, NanNeverSurvives) {
  const std::vector<float> logits = {kNan, 1, kNan, 2, -kInfinity};
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_k = 4}), ElementsAre(1, 3));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .min_p = 1e-6f}), ElementsAre(1, 3));
  EXPECT_THAT(Survivors(logits, {.temperature = 1, .top_p = 0.999f}), ElementsAre(1, 3));
}

TEST(LogitFiltersTest, AgreeWithSortingTheRow) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 1500; ++round) {
    std::vector<float> logits(1 + random() % (round % 10 == 0 ? 3000 : 150));
    const float spread = std::array{0.01f, 1.0f, 4.0f, 30.0f}[random() % 4];
    for (float& logit : logits) logit = spread * normal(random);
    if (round % 3 == 0) {
      for (float& logit : logits) logit = std::round(logit);  // ties
    }
    if (round % 5 == 0) logits[random() % logits.size()] = -kInfinity;
    if (round % 7 == 0 && logits.size() > 1) logits[random() % (logits.size() - 1)] = kNan;
    SamplingParams params = {.temperature = std::array{0.1f, 0.7f, 1.0f, 3.0f}[random() % 4]};
    if (random() % 2 == 0) params.top_k = static_cast<int32_t>(random() % (logits.size() + 9));
    if (random() % 2 == 0) params.min_p = std::array{1e-7f, 0.01f, 0.3f, 1.0f}[random() % 4];
    if (random() % 2 == 0) params.top_p = std::array{1e-6f, 0.1f, 0.9f, 0.9999f}[random() % 4];
    if (std::none_of(logits.begin(), logits.end(), [](float x) { return x > -kInfinity; }))
      continue;
    std::vector<int32_t> expected = SurvivingTokensReference(logits, params);
    std::sort(expected.begin(), expected.end());
    std::erase_if(expected, [&](int32_t token) { return logits[token] == -kInfinity; });
    ASSERT_EQ(Survivors(logits, params), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace chimera
