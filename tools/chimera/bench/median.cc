#include "tools/chimera/bench/median.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace chimera {
namespace {

constexpr double kLeastConfidence = 0.95;

// How probable it is that less than `rank` of `count` measurements are below the true median: each
// is with probability 1/2.
double FewerBelow(int rank, int count) {
  double probability = 0;
  double log_term = count * std::log(0.5);  // of exactly i below; the terms themselves underflow
  for (int i = 0; i < rank; ++i) {
    probability += std::exp(log_term);
    log_term += std::log(static_cast<double>(count - i) / (i + 1));
  }
  return probability;
}

}  // namespace

MedianEstimate EstimateMedian(std::vector<double> values) {
  CHIMERA_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const int count = static_cast<int>(values.size());
  MedianEstimate estimate;
  estimate.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
  // From the `rank`-th smallest to the `rank`-th largest.
  for (int rank = 1; 2 * rank <= count; ++rank) {
    const double confidence = 1 - 2 * FewerBelow(rank, count);
    if (confidence < kLeastConfidence) break;
    estimate.interval = {values[rank - 1], values[count - rank], confidence};
  }
  return estimate;
}

}  // namespace chimera
