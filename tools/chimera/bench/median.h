// The median of a few measurements, and how far it can be trusted.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_MEDIAN_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_MEDIAN_H_

#include <optional>
#include <vector>

namespace chimera {

// An interval of order statistics: it holds the true median with probability `confidence`, whatever
// the distribution of the measurements, if they are independent.
struct MedianInterval {
  double low = 0;
  double high = 0;
  double confidence = 0;
};

struct MedianEstimate {
  double median = 0;
  // The narrowest interval with a confidence of at least 0.95. Nothing below 6 measurements, whose
  // smallest and largest are less sure than that.
  std::optional<MedianInterval> interval;
};

// `values` in any order. REQUIRES: there is one at least.
MedianEstimate EstimateMedian(std::vector<double> values);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_MEDIAN_H_
