#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "common/sampling/gumbel_noise.h"

namespace chimera {
namespace {

// Words that round to the same float give the same noise, so one of each such run stands for all of
// the 2^32.
TEST(GumbelNoiseLongTest, EveryWordGivesFiniteNoiseThatNeverRises) {
  float previous = std::numeric_limits<float>::infinity();
  uint64_t step = 1;
  for (uint64_t word = 0; word < uint64_t{1} << 32; word += step) {
    const float g = GumbelFromWord(static_cast<uint32_t>(word));
    ASSERT_TRUE(std::isfinite(g)) << word;
    ASSERT_LE(g, previous) << word;
    previous = g;
    step = uint64_t{1} << std::max(0, static_cast<int>(std::bit_width(word)) - 24);
  }
}

}  // namespace
}  // namespace chimera
