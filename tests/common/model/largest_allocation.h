// How much memory a program asks for at once.

#ifndef CHIMERA_TESTS_COMMON_MODEL_LARGEST_ALLOCATION_H_
#define CHIMERA_TESTS_COMMON_MODEL_LARGEST_ALLOCATION_H_

#include <cstddef>

namespace chimera::testing {

// Bytes of the largest single request to operator new since the last call or the start. A program
// that links this has its operator new and delete replaced. Any thread.
size_t TakeLargestAllocation();

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_MODEL_LARGEST_ALLOCATION_H_
