// Floats that are not finite.

#ifndef CHIMERA_TESTS_COMMON_SAMPLING_SPECIAL_VALUES_H_
#define CHIMERA_TESTS_COMMON_SAMPLING_SPECIAL_VALUES_H_

#include <limits>

namespace chimera {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace chimera

#endif  // CHIMERA_TESTS_COMMON_SAMPLING_SPECIAL_VALUES_H_
