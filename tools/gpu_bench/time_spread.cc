#include "tools/gpu_bench/time_spread.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace chimera {
namespace {

// A clock may stand still; who divides by a time must not care.
constexpr double kShortestTime = 1e-9;

// Of sorted times.
double Quantile(const std::vector<double>& seconds, double share) {
  const double place = share * static_cast<double>(seconds.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const auto above = static_cast<size_t>(std::ceil(place));
  return std::max((seconds[below] + seconds[above]) / 2, kShortestTime);
}

}  // namespace

TimeSpread TimeSpread::DividedBy(double count) const {
  return {median / count, lower_quartile / count, upper_quartile / count};
}

TimeSpread SpreadOf(std::vector<double> seconds) {
  CHIMERA_CHECK(!seconds.empty());
  std::ranges::sort(seconds);
  return {Quantile(seconds, 0.5), Quantile(seconds, 0.25), Quantile(seconds, 0.75)};
}

}  // namespace chimera
