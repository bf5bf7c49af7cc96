#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "common/base/deterministic_math.h"
#include "common/sampling/gumbel_noise.h"
#include "common/sampling/shared_noise_sampler.h"
#include "tests/common/sampling/chi_square.h"
#include "tests/testing/sanitizers.h"

namespace chimera {
namespace {

using ::chimera::testing::ChiSquare;
using ::chimera::testing::kSanitized;
using ::chimera::testing::TestChiSquare;

constexpr int kDraws = kSanitized ? 50000 : 200000;
constexpr uint64_t kSeed = 20240229;

const std::vector<float> kLogits = {0.3f,  2.1f, -1.0f, 1.4f,  0.0f,  2.0f,
                                    -2.2f, 0.9f, 1.1f,  -0.4f, -3.0f, 0.5f};

// The distribution that `params` stand for, from their meaning and in double. Probabilities of the
// filters' borders are far from the limits used here, so that rounding decides nothing.
std::vector<double> Expected(const std::vector<float>& logits, const SamplingParams& params) {
  std::vector<size_t> order(logits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  std::vector<double> weights(logits.size(), 0.0);
  const size_t k = params.top_k > 0 ? static_cast<size_t>(params.top_k) : logits.size();
  double sum = 0.0;
  for (size_t rank = 0; rank < std::min(k, order.size()); ++rank) {
    const double distance = logits[order[rank]] - logits[order[0]];
    const double weight = std::exp(distance / params.temperature);
    if (weight < params.min_p) break;
    weights[order[rank]] = weight;
    sum += weight;
  }
  double kept = 0.0;
  for (const size_t token : order) {
    if (kept >= params.top_p * sum) weights[token] = 0.0;
    kept += weights[token];
  }
  for (double& weight : weights) weight /= kept;
  return weights;
}

// Counts the tokens that `draw` gives for draws 0, 1, ...
std::vector<int64_t> Count(size_t n_bins, const std::function<int32_t(int64_t)>& draw) {
  std::vector<int64_t> counts(n_bins, 0);
  for (int64_t i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(draw(i))];
  return counts;
}

TEST(SharedNoiseStatisticsTest, DrawsFollowTheFilteredSoftmax) {
  SharedNoiseSampler sampler;
  for (SamplingParams params : std::vector<SamplingParams>{
           {.temperature = 0.5f},
           {.temperature = 1.0f},
           {.temperature = 2.0f},
           {.temperature = 1.0f, .top_k = 5},
           {.temperature = 1.0f, .min_p = 0.13f},
           {.temperature = 0.7f, .top_p = 0.83f},
           {.temperature = 2.0f, .top_k = 8, .min_p = 0.2f, .top_p = 0.93f}}) {
    params.seed = kSeed;
    const ChiSquare test = TestChiSquare(
        Count(kLogits.size(), [&](int64_t i) { return sampler.Sample(kLogits, params, i); }),
        Expected(kLogits, params));
    EXPECT_FALSE(test.Rejects()) << test.statistic << " > " << test.bound << " at T "
                                 << params.temperature << " k " << params.top_k << " min_p "
                                 << params.min_p << " top_p " << params.top_p;
  }
}

TEST(SharedNoiseStatisticsTest, SeedsAreAsGoodAsPositions) {
  SharedNoiseSampler sampler;
  SamplingParams params = {.temperature = 1.0f};
  const ChiSquare test = TestChiSquare(Count(kLogits.size(),
                                             [&](int64_t i) {
                                               params.seed = static_cast<uint64_t>(i);
                                               return sampler.Sample(kLogits, params, 9);
                                             }),
                                       Expected(kLogits, params));
  EXPECT_FALSE(test.Rejects()) << test.statistic << " > " << test.bound;
}

TEST(SharedNoiseStatisticsTest, NeighbouringPositionsAreIndependent) {
  const std::vector<float> logits = {0.0f, 0.7f, -0.5f, 1.0f};
  const SamplingParams params = {.temperature = 1.0f, .seed = kSeed};
  SharedNoiseSampler sampler;
  const std::vector<double> single = Expected(logits, params);
  std::vector<double> pairs;
  for (const double a : single) {
    for (const double b : single) pairs.push_back(a * b);
  }
  const ChiSquare test = TestChiSquare(Count(pairs.size(),
                                             [&](int64_t i) {
                                               return 4 * sampler.Sample(logits, params, 2 * i) +
                                                      sampler.Sample(logits, params, 2 * i + 1);
                                             }),
                                       pairs);
  EXPECT_FALSE(test.Rejects()) << test.statistic << " > " << test.bound;
}

// Argmax of logit + noise(draw, token): what a broken sampler does, for the controls below.
int32_t ArgMaxWith(const std::function<float(int64_t, int32_t)>& noise, int64_t draw) {
  int32_t best = 0;
  for (int32_t token = 1; token < static_cast<int32_t>(kLogits.size()); ++token) {
    const float score = kLogits[static_cast<size_t>(token)] + noise(draw, token);
    if (score > kLogits[static_cast<size_t>(best)] + noise(draw, best)) best = token;
  }
  return best;
}

ChiSquare TestNoise(const std::function<float(int64_t, int32_t)>& noise) {
  return TestChiSquare(Count(kLogits.size(), [&](int64_t i) { return ArgMaxWith(noise, i); }),
                       Expected(kLogits, {.temperature = 1.0f}));
}

TEST(SharedNoiseStatisticsTest, BrokenNoiseIsRejected) {
  const auto gumbel = [](int64_t draw, int32_t token) {
    return NoiseRow(kSeed, draw).Gumbel(token);
  };
  EXPECT_FALSE(TestNoise(gumbel).Rejects()) << "the control of the controls";
  EXPECT_TRUE(TestNoise([&](int64_t draw, int32_t token) {
                // The outer logarithm left out: E instead of -log E.
                return -ExpF(-gumbel(draw, token));
              }).Rejects());
  EXPECT_TRUE(TestNoise([&](int64_t draw, int32_t token) {
                // Two tokens share their noise: 5 takes that of 1.
                return gumbel(draw, token == 5 ? 1 : token);
              }).Rejects());
  EXPECT_TRUE(TestNoise([&](int64_t draw, int32_t token) {
                // Indexed by the row of a step's batch, not by position.
                return gumbel(draw % 64, token);
              }).Rejects());
}

// The tail of a whole vocabulary: 16 probable tokens hold half of the mass, 49 136 rare ones of
// about 1e-5 the other half. Their words come from every chunk and lane.
TEST(SharedNoiseStatisticsTest, RareTokensOfAWholeVocabularyAppearAsOftenAsTheyShould) {
  constexpr size_t kVocabSize = 49152;
  constexpr size_t kProbable = 16;
  constexpr int kRareDraws = kSanitized ? 2000 : 10000;
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> logits(kVocabSize);
  for (float& logit : logits) logit = 0.5f * normal(random);
  for (size_t i = 0; i < kProbable; ++i) logits[i * 3001] = 8.1f;
  const SamplingParams params = {.temperature = 1.0f, .seed = kSeed};
  const std::vector<double> expected = Expected(logits, params);

  // Bins by where a token lies: 64 stretches of the vocabulary, and 32 places in a chunk.
  const auto stretch = [](size_t token) { return token / (kVocabSize / 64); };
  const auto lane = [](size_t token) { return token % 32; };
  std::vector<double> stretch_p(64, 0.0), lane_p(32, 0.0);
  std::vector<int64_t> stretches(64, 0), lanes(32, 0);
  double rare = 0.0;
  for (size_t i = 0; i < kVocabSize; ++i) rare += logits[i] < 8.0f ? expected[i] : 0.0;
  for (size_t i = 0; i < kVocabSize; ++i) {
    if (logits[i] > 8.0f) continue;
    stretch_p[stretch(i)] += expected[i] / rare;
    lane_p[lane(i)] += expected[i] / rare;
  }
  SharedNoiseSampler sampler;
  int64_t n_rare = 0;
  for (int position = 0; position < kRareDraws; ++position) {
    const auto token = static_cast<size_t>(sampler.Sample(logits, params, position));
    if (logits[token] > 8.0f) continue;
    ++stretches[stretch(token)];
    ++lanes[lane(token)];
    ++n_rare;
  }
  const ChiSquare by_stretch = TestChiSquare(stretches, stretch_p);
  EXPECT_FALSE(by_stretch.Rejects()) << by_stretch.statistic << " > " << by_stretch.bound;
  const ChiSquare by_lane = TestChiSquare(lanes, lane_p);
  EXPECT_FALSE(by_lane.Rejects()) << by_lane.statistic << " > " << by_lane.bound;
  const ChiSquare by_class = TestChiSquare(std::vector<int64_t>{n_rare, kRareDraws - n_rare},
                                           std::vector<double>{rare, 1.0 - rare});
  EXPECT_FALSE(by_class.Rejects()) << by_class.statistic << " > " << by_class.bound;
}

}  // namespace
}  // namespace chimera
