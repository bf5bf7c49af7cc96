#include "common/sampling/shared_noise_sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "common/base/philox.h"
#include "common/sampling/shared_noise_reference.h"
#include "tests/testing/special_values.h"

namespace chimera {
namespace {

using ::chimera::testing::kInfinity;
using ::chimera::testing::kNan;

const SamplingParams kPlain = {.temperature = 1.0f, .seed = 7};
const SamplingParams kFiltered = {
    .temperature = 0.7f, .top_k = 50, .min_p = 0.01f, .top_p = 0.95f, .seed = 7};

int32_t Sample(const std::vector<float>& logits, const SamplingParams& params,
               int64_t position = 3) {
  const int32_t token = SharedNoiseSampler().Sample(logits, params, position);
  EXPECT_EQ(SampleReference(logits, params, position), token);
  return token;
}

TEST(SharedNoiseSamplerTest, GreedyTakesTheLowestIdOfTheGreatestLogit) {
  EXPECT_EQ(Sample({1, 4, 2, 4}, {}), 1);
  EXPECT_EQ(Sample({-0.0f, 0.0f}, {}), 0);
  EXPECT_EQ(Sample({1, 2}, {.temperature = 0.9e-4f, .seed = 5}), 1);
  EXPECT_EQ(Sample({-kInfinity, -3, kNan}, {}), 1);
}

TEST(SharedNoiseSamplerTest, TopKOfOneIsGreedyAtAnyTemperature) {
  for (int position = 0; position < 100; ++position) {
    EXPECT_EQ(Sample({1, 4, 2, 4}, {.temperature = 50.0f, .top_k = 1}, position), 1);
  }
}

TEST(SharedNoiseSamplerTest, RowsWithoutAFiniteGreatestLogitHaveADefinedToken) {
  for (const SamplingParams& params : {SamplingParams{}, kPlain, kFiltered}) {
    EXPECT_EQ(Sample({kNan, kNan, kNan}, params), 0);
    EXPECT_EQ(Sample({-kInfinity, -kInfinity}, params), 0);
    EXPECT_EQ(Sample({kNan, -kInfinity, -kInfinity}, params), 1);
    EXPECT_EQ(Sample({5, kInfinity, kNan, kInfinity}, params), 1);
    EXPECT_EQ(Sample({kNan}, params), 0);
    EXPECT_EQ(Sample(std::vector<float>(100, kNan), params), 0);
    EXPECT_EQ(Sample(std::vector<float>(100, -kInfinity), params), 0);
  }
  EXPECT_EQ(Sample({1, 3e38f, 2e38f}, {.temperature = 0.1f}), 1) << "overflow of logit / T";
}

TEST(SharedNoiseSamplerTest, NanAndDroppedTokensNeverWin) {
  std::vector<float> logits(200, 0.0f);
  for (size_t i = 0; i < logits.size(); i += 2) logits[i] = i % 4 == 0 ? kNan : -kInfinity;
  for (int position = 0; position < 500; ++position) {
    EXPECT_EQ(Sample(logits, kPlain, position) % 2, 1);
    EXPECT_EQ(Sample(logits, kFiltered, position) % 2, 1);
  }
}

TEST(SharedNoiseSamplerTest, SeedAndPositionDecide) {
  const std::vector<float> logits(1000, 0.0f);
  EXPECT_EQ(Sample(logits, kPlain, 3), Sample(logits, kPlain, 3));
  EXPECT_NE(Sample(logits, kPlain, 3), Sample(logits, kPlain, 4));
  EXPECT_NE(Sample(logits, kPlain, 3), Sample(logits, kPlain, 3 + (int64_t{1} << 32)));
  EXPECT_NE(Sample(logits, kPlain, 3), Sample(logits, {.temperature = 1.0f, .seed = 8}, 3));
  EXPECT_NE(Sample(logits, kPlain, 3),
            Sample(logits, {.temperature = 1.0f, .seed = 7 + (uint64_t{1} << 32)}, 3));
}

// Rows of many kinds, by one sampler, so that scratch of earlier rows would show.
TEST(SharedNoiseSamplerTest, AgreesWithTheReferenceOnRandomRows) {
  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  SharedNoiseSampler sampler;
  int winners_below_the_top = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<float> logits(1 + random() % (round % 20 == 0 ? 5000 : 130));
    const float spread = std::array{0.0f, 0.5f, 3.0f, 12.0f, 1e6f, 1e30f}[random() % 6];
    const float offset = std::array{0.0f, -20.0f, 1e5f}[random() % 3];
    for (float& logit : logits) logit = offset + spread * normal(random);
    if (round % 3 == 0) {
      for (float& logit : logits) logit = std::round(logit);
    }
    if (round % 5 == 0) logits[random() % logits.size()] = kNan;
    if (round % 6 == 0) logits[random() % logits.size()] = -kInfinity;
    SamplingParams params = {
        .temperature = std::array{1e-4f, 0.3f, 1.0f, 1.7f, 100.0f}[random() % 5], .seed = random()};
    if (random() % 3 == 0) params.top_k = static_cast<int32_t>(random() % (logits.size() + 9));
    if (random() % 3 == 0) params.min_p = std::array{1e-7f, 0.01f, 1.0f}[random() % 3];
    if (random() % 3 == 0) params.top_p = std::array{1e-6f, 0.5f, 0.95f, 0.9999f}[random() % 4];
    const auto position = static_cast<int64_t>(random() >> (1 + random() % 62));
    const int32_t expected = SampleReference(logits, params, position);
    ASSERT_EQ(sampler.Sample(logits, params, position), expected) << "round " << round;
    winners_below_the_top += expected != SampleReference(logits, {}, position) ? 1 : 0;
  }
  EXPECT_GT(winners_below_the_top, 500);
}

TEST(SharedNoiseSamplerTest, AgreesWithTheReferenceOnAWholeVocabulary) {
  constexpr int kVocabSize = 49152;
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  SharedNoiseSampler sampler;
  for (int round = 0; round < 12; ++round) {
    std::vector<float> logits(kVocabSize);
    for (float& logit : logits) logit = static_cast<float>(round % 4) * normal(random);
    for (int i = 0; i < 10; ++i) logits[random() % kVocabSize] += 12.0f;
    for (const SamplingParams& params :
         {kPlain, kFiltered, SamplingParams{.temperature = 0.7f, .top_p = 0.95f, .seed = 3}}) {
      ASSERT_EQ(sampler.Sample(logits, params, round), SampleReference(logits, params, round));
    }
  }
}

// The tokens of any build: every compiler, build type and machine must give these. Logits are exact
// in fp32 and owe nothing to a library.
TEST(SharedNoiseSamplerTest, GivesTheSameTokensInEveryBuild) {
  SharedNoiseSampler sampler;
  uint64_t hash = 14695981039346656037u;  // FNV-1a over the tokens
  for (uint32_t round = 0; round < 400; ++round) {
    std::vector<float> logits;
    for (uint32_t i = 0; i < 250; ++i) {
      for (const uint32_t word : Philox4x32({i, round, 0, 0}, {1, 2})) {
        logits.push_back(static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-20f);
      }
    }
    for (const SamplingParams& params :
         {kPlain, kFiltered, SamplingParams{.temperature = 3.3f, .top_p = 0.8f, .seed = round},
          SamplingParams{.temperature = 0.6f, .top_p = 0.98f, .seed = round}}) {
      const int32_t token = sampler.Sample(logits, params, round);
      hash = (hash ^ static_cast<uint64_t>(token)) * 1099511628211u;
    }
  }
  EXPECT_EQ(hash, 9851492978194206863u);
}

}  // namespace
}  // namespace chimera
