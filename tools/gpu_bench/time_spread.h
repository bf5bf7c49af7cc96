// What many times of the same have in common.

#ifndef CHIMERA_TOOLS_GPU_BENCH_TIME_SPREAD_H_
#define CHIMERA_TOOLS_GPU_BENCH_TIME_SPREAD_H_

#include <vector>

namespace chimera {

// In seconds, all positive. Half of the times are between the quartiles.
struct TimeSpread {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;

  // Of what is made of `count` equal parts.
  TimeSpread DividedBy(double count) const;
};

// Each quantile is one of the times, or the mean of two. REQUIRES: there is one at least.
TimeSpread SpreadOf(std::vector<double> seconds);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_TIME_SPREAD_H_
