// The yardstick of the tolerances of these tests, and inputs for them.

#ifndef CHIMERA_TESTS_COMMON_OPS_ROUNDING_H_
#define CHIMERA_TESTS_COMMON_OPS_ROUNDING_H_

#include <cstdint>
#include <random>
#include <vector>

namespace chimera::testing {

// One rounding of fp32 changes a normal number by at most this much of itself. Every tolerance
// counts the roundings on the way to a result; docs/tolerances.md lists them.
inline constexpr double kRounding = 0x1p-24;

// Uniform multiples of 2^-10 in [-1, 1], which fp16 and bf16-widened fp32 alike hold well.
inline std::vector<float> RandomVector(int64_t size, std::mt19937* random) {
  std::vector<float> x(size);
  for (float& value : x) value = (static_cast<float>((*random)() % 2049) - 1024.0f) * 0x1p-10f;
  return x;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_OPS_ROUNDING_H_
