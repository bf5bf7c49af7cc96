#include "common/sampling/gumbel_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace chimera {
namespace {

constexpr uint32_t kLast = std::numeric_limits<uint32_t>::max();

// Checks [begin, begin + count) in steps: finite, and never rising from one word to the next.
void ExpectFiniteAndFalling(uint64_t begin, uint64_t count, uint64_t step) {
  float previous = std::numeric_limits<float>::infinity();
  for (uint64_t word = begin; word < begin + count && word <= kLast; word += step) {
    const float g = GumbelFromWord(static_cast<uint32_t>(word));
    ASSERT_TRUE(std::isfinite(g)) << word;
    ASSERT_LE(g, previous) << word;
    previous = g;
  }
}

TEST(GumbelNoiseTest, ExtremeWordsGiveFiniteNoiseInOrder) {
  const std::array<uint32_t, 10> words = {
      0, 1, 2, 1u << 24, 1u << 31, kLast - 255, kLast - 128, kLast - 127, kLast - 1, kLast};
  float previous = std::numeric_limits<float>::infinity();
  for (const uint32_t word : words) {
    const float g = GumbelFromWord(word);
    EXPECT_TRUE(std::isfinite(g)) << word;
    EXPECT_LE(g, previous) << word;
    previous = g;
  }
  EXPECT_NEAR(GumbelFromWord(0), 33.0 * std::log(2.0), 1e-5);
  EXPECT_NEAR(GumbelFromWord(kLast), -std::log(24.0 * std::log(2.0)), 1e-5);
  EXPECT_EQ(GumbelFromWord(kLast), GumbelFromWord(kLast - 127)) << "all clamped";
}

TEST(GumbelNoiseTest, NeverRises) {
  ExpectFiniteAndFalling(0, 1 << 17, 1);
  ExpectFiniteAndFalling((1u << 23) - (1 << 15), 1 << 16, 1);
  ExpectFiniteAndFalling((1u << 24) - (1 << 15), 1 << 16, 1);
  ExpectFiniteAndFalling(uint64_t{kLast} + 1 - (1 << 17), 1 << 17, 1);
  ExpectFiniteAndFalling(0, uint64_t{kLast} + 1, 16411);
}

TEST(GumbelNoiseTest, AgreesWithItsFormula) {
  for (uint64_t word = 0; word <= kLast; word += word < 4096 ? 1 : 65521) {
    const double u = (static_cast<double>(word) + 0.5) * 0x1p-32;
    const double e = -std::log1p(-std::min(u, 1.0 - 0x1p-24));
    // fp32 rounds u to 2^-24 of itself; above 1/2 that is 2^-25 absolute, which -log(1 - u) turns
    // into 2^-25 / (1 - u) and g into that divided by E.
    const double rounding = 0x1p-24 * u / ((1.0 - std::min(u, 1.0 - 0x1p-24)) * e);
    ASSERT_NEAR(GumbelFromWord(static_cast<uint32_t>(word)), -std::log(e), 4e-6 + 1.1 * rounding)
        << word;
  }
}

TEST(NoiseRowTest, TokenUsesTheDocumentedCounter) {
  const uint64_t seed = 0x0123456789abcdef;
  const int64_t position = (int64_t{5} << 32) + 17;
  const NoiseRow noise(seed, position);
  for (const uint32_t token : {0u, 1u, 2u, 3u, 4u, 31u, 32u, 49151u}) {
    const PhiloxWords words = Philox4x32({17, 5, token / 4, 0}, {0x89abcdef, 0x01234567});
    EXPECT_EQ(noise.Gumbel(static_cast<int32_t>(token)), GumbelFromWord(words[token % 4]));
  }
}

TEST(NoiseRowTest, WordsOfAChunkAreThoseOfItsTokens) {
  const NoiseRow noise(42, 1000);
  for (const int32_t chunk : {0, 1, 1535}) {
    std::array<uint32_t, NoiseRow::kChunk> words;
    noise.Words(chunk, words);
    for (int i = 0; i < NoiseRow::kChunk; ++i) {
      EXPECT_EQ(GumbelFromWord(words[NoiseRow::WordIndex(i)]),
                noise.Gumbel(chunk * NoiseRow::kChunk + i));
    }
  }
}

}  // namespace
}  // namespace chimera
