// Pearson's chi-square test of counts against probabilities.

#ifndef CHIMERA_TESTS_COMMON_SAMPLING_CHI_SQUARE_H_
#define CHIMERA_TESTS_COMMON_SAMPLING_CHI_SQUARE_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace chimera::testing {

struct ChiSquare {
  double statistic = 0.0;
  // What the statistic of a correct sampler exceeds with probability 1e-6 at most. The quantile is
  // Wilson and Hilferty's: (X / k)^(1/3) of a chi-square X with k degrees of freedom is close to
  // normal with mean 1 - 2 / (9 k) and variance 2 / (9 k), and 4.7534 is the normal 1 - 1e-6
  // quantile. It is above the exact one, by 15 % at k = 1 (23.93), 2.3 % at k = 10 (46.86) and
  // 0.3 % at k = 63 (131.37). Seeds are fixed, so a pass stays a pass.
  double bound = 0.0;

  bool Rejects() const { return !(statistic <= bound); }
};

// `counts` and `probabilities` are [n_bins]; probabilities sum to 1. Bins of probability 0 must be
// empty; the others should expect 5 or more.
inline ChiSquare TestChiSquare(std::span<const int64_t> counts,
                               std::span<const double> probabilities) {
  ChiSquare result;
  double total = 0.0;
  for (const int64_t count : counts) total += static_cast<double>(count);
  int bins = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * probabilities[i];
    const double difference = static_cast<double>(counts[i]) - expected;
    if (expected > 0.0) {
      result.statistic += difference * difference / expected;
      ++bins;
    } else if (counts[i] > 0) {
      result.statistic = std::numeric_limits<double>::infinity();
    }
  }
  const double variance = 2.0 / (9.0 * (bins - 1));
  result.bound = (bins - 1) * std::pow(1.0 - variance + 4.7534 * std::sqrt(variance), 3.0);
  return result;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_SAMPLING_CHI_SQUARE_H_
