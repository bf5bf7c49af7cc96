// Whether a sanitizer watches this build.

#ifndef CHIMERA_TESTS_TESTING_SANITIZERS_H_
#define CHIMERA_TESTS_TESTING_SANITIZERS_H_

#include "absl/base/config.h"

namespace chimera::testing {

// A test that repeats itself, for statistics or for many cases at random, repeats itself less often
// then: a sanitizer has seen all of the code by that time, and it makes arithmetic ten times
// slower.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_SANITIZERS_H_
