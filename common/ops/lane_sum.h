// The one order in which sixteen partial sums are added.

#ifndef CHIMERA_COMMON_OPS_LANE_SUM_H_
#define CHIMERA_COMMON_OPS_LANE_SUM_H_

#include <array>

namespace chimera {

// Long sums are kept in sixteen lanes, element i in lane i % 16, because that is what vector units
// do well; a constant of every CPU numerics id.
inline constexpr int kSumLanes = 16;

// Adds lane j + 8 to lane j for j < 8, then j + 4 to j, j + 2 to j, and 1 to 0.
inline float SumLanes(std::array<float, kSumLanes> lanes) {
  for (int half = kSumLanes / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_LANE_SUM_H_
