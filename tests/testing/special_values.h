// Floats that are not finite.

#ifndef CHIMERA_TESTS_TESTING_SPECIAL_VALUES_H_
#define CHIMERA_TESTS_TESTING_SPECIAL_VALUES_H_

#include <limits>

namespace chimera::testing {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_SPECIAL_VALUES_H_
