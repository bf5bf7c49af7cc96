// How close kernels that round to bf16 come to references that round exact values.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_BF16_NEIGHBOURS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_BF16_NEIGHBOURS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace chimera::testing {

// Whether each result is the bf16 that is expected or a neighbour, the latter for at most one in
// 200: roundings of fp32 tip it where the exact value is close to half-way (docs/tolerances.md).
inline ::testing::AssertionResult EqualOrNeighbours(const std::vector<uint16_t>& results,
                                                    const std::vector<uint16_t>& expected) {
  if (results.size() != expected.size()) {
    return ::testing::AssertionFailure() << results.size() << " results";
  }
  size_t neighbours = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const int distance = std::abs(results[i] - expected[i]);
    if (distance > 1) return ::testing::AssertionFailure() << "element " << i << " is no neighbour";
    neighbours += distance;
  }
  if (neighbours <= results.size() / 200 + 1) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << neighbours << " of " << results.size() << " elements are neighbours";
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_BF16_NEIGHBOURS_H_
