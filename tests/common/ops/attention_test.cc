#include "common/ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/float16.h"
#include "tests/common/ops/rounding.h"

namespace chimera {
namespace {

using testing::kRounding;
using testing::RandomVector;

using Rows = std::vector<std::vector<float>>;  // one vector [head_dim] per position

// A vector [head_dim] that starts with `values` and goes on with zeros.
std::vector<float> Padded(std::vector<float> values, int head_dim = 16) {
  values.resize(head_dim);
  return values;
}

// Each row in memory of its own.
std::vector<std::vector<uint16_t>> ToHalf(const Rows& rows) {
  std::vector<std::vector<uint16_t>> halves;
  for (const std::vector<float>& row : rows) {
    std::vector<uint16_t>& half = halves.emplace_back();
    for (const float value : row) half.push_back(FloatToHalf(value));
  }
  return halves;
}

std::vector<float> Attention(const std::vector<float>& query, const Rows& keys,
                             const Rows& values) {
  const std::vector<std::vector<uint16_t>> key_rows = ToHalf(keys), value_rows = ToHalf(values);
  std::vector<const uint16_t*> key_pointers, value_pointers;
  for (const std::vector<uint16_t>& row : key_rows) key_pointers.push_back(row.data());
  for (const std::vector<uint16_t>& row : value_rows) value_pointers.push_back(row.data());
  std::vector<float> output(query.size());
  AttentionReference(query, key_pointers, value_pointers, output);
  return output;
}

std::vector<double> AttentionInDouble(const std::vector<float>& query, const Rows& keys,
                                      const Rows& values) {
  std::vector<double> scores;
  for (const std::vector<float>& key : keys) {
    double score = 0;
    for (size_t d = 0; d < query.size(); ++d) score += double{query[d]} * key[d];
    scores.push_back(score / std::sqrt(static_cast<double>(query.size())));
  }
  const double largest = *std::ranges::max_element(scores);
  double total = 0;
  std::vector<double> output(query.size());
  for (size_t p = 0; p < keys.size(); ++p) {
    const double weight = std::exp(scores[p] - largest);
    total += weight;
    for (size_t d = 0; d < query.size(); ++d) output[d] += weight * values[p][d];
  }
  for (double& value : output) value /= total;
  return output;
}

TEST(AttentionTest, OnePositionGivesItsValue) {
  std::mt19937 random(1);
  const std::vector<float> value = RandomVector(64, &random);
  EXPECT_EQ(Attention(RandomVector(64, &random), {RandomVector(64, &random)}, {value}), value);
}

TEST(AttentionTest, IsWorkedOutByHand) {
  // Scores 4 / sqrt(16) = 1 and 0: the weights are those of the logistic function at 1.
  const std::vector<float> output =
      Attention(Padded({1}), {Padded({4}), Padded({0})}, {Padded({1, 0}), Padded({0, 1})});
  // ExpF is within 2 ulp, four roundings; the total and the quotient have one each.
  EXPECT_NEAR(output[0], 0.7310585786300049, 6 * kRounding);
  EXPECT_NEAR(output[1], 0.2689414213699951, 6 * kRounding);
}

TEST(AttentionTest, EqualScoresGiveTheMean) {
  const Rows keys(4, Padded({0.5f, 2}));
  EXPECT_EQ(Attention(Padded({3, -1}), keys, {Padded({1}), Padded({2}), Padded({4}), Padded({-5})}),
            Padded({0.5f}));
}

TEST(AttentionTest, HugeScoresDoNotOverflow) {
  const std::vector<float> query(16, 60000.0f);
  const Rows keys = {std::vector<float>(16, -60000.0f), std::vector<float>(16, 60000.0f),
                     std::vector<float>(16, 59968.0f)};
  EXPECT_EQ(Attention(query, keys, {Padded({1}), Padded({2}), Padded({4})}), Padded({2}));
}

// All weights are 1. Beside 2^15 fp32 drops 2^-9, a half of its unit there, but keeps twice that:
// the order of the sum shows.
TEST(AttentionTest, AddsInTheOrderOfPositions) {
  const Rows keys(3, Padded({0}));
  const std::vector<float> small = Padded({0x1p-9f}), large = Padded({0x1p15f});
  EXPECT_EQ(Attention(Padded({1}), keys, {large, small, small}), Padded({0x1p15f / 3}));
  EXPECT_EQ(Attention(Padded({1}), keys, {small, small, large}), Padded({(0x1p15f + 0x1p-8f) / 3}));
  ASSERT_NE(0x1p15f / 3, (0x1p15f + 0x1p-8f) / 3);
}

TEST(AttentionTest, AgreesWithDoublePrecision) {
  std::mt19937 random(2);
  for (const int head_dim : {16, 48, 64, 128}) {
    for (const int positions : {2, 15, 16, 17, 33, 300}) {
      std::vector<float> query = RandomVector(head_dim, &random);
      for (float& value : query) value *= 4;  // so that the weights differ by orders of magnitude
      Rows keys, values;
      double largest_product = 0;  // of the magnitudes, per score
      for (int p = 0; p < positions; ++p) {
        keys.push_back(RandomVector(head_dim, &random));
        values.push_back(RandomVector(head_dim, &random));
        double product = 0;
        for (int d = 0; d < head_dim; ++d) product += std::fabs(query[d] * keys[p][d]);
        largest_product = std::max(largest_product, product / std::sqrt(head_dim));
      }
      const std::vector<double> expected = AttentionInDouble(query, keys, values);
      const std::vector<float> actual = Attention(query, keys, values);
      // A score is rounded once per element of a lane, four times between lanes, twice for the
      // scale and its product, once for the difference to the largest, which has the same error.
      // The exponential turns that into a relative error of the weight and adds four roundings.
      const int score_roundings = head_dim / 16 + 4 + 2 + 1;
      const double score_error = 2 * largest_product * score_roundings;
      const double weight_error = score_error + 4;
      // Values are at most 1. Weights enter sum and total; the sum is rounded once per position,
      // the total once per position of a lane and four times between lanes, the quotient once.
      const int sum_roundings = positions + positions / 16 + 1 + 4 + 1;
      const double roundings = 2 * weight_error + sum_roundings;
      for (int d = 0; d < head_dim; ++d) {
        ASSERT_NEAR(actual[d], expected[d], roundings * kRounding) << head_dim << " " << positions;
      }
    }
  }
}

}  // namespace
}  // namespace chimera
