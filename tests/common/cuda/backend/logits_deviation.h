// How far a backend's logits are from a reference's.

#ifndef CHIMERA_TESTS_COMMON_CUDA_BACKEND_LOGITS_DEVIATION_H_
#define CHIMERA_TESTS_COMMON_CUDA_BACKEND_LOGITS_DEVIATION_H_

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace chimera::testing {

// What the CUDA backend's rounding of activations to bf16 may make of a logit, as a share of the
// largest of all: docs/tolerances.md.
inline constexpr double kBf16LogitTolerance = 0x1p-6;

// The largest difference, as a share of the largest expected value. REQUIRES: equal shapes.
template <typename Expected>
double LogitsDeviation(const std::vector<std::span<const float>>& rows,
                       const std::vector<std::vector<Expected>>& expected) {
  double largest = 0, difference = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    for (size_t i = 0; i < rows[row].size(); ++i) {
      const double value = expected[row][i];
      largest = std::max(largest, std::fabs(value));
      const double error = std::fabs(double{rows[row][i]} - value);
      difference = std::max(difference, std::isnan(error) ? INFINITY : error);
    }
  }
  return difference / largest;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_BACKEND_LOGITS_DEVIATION_H_
