// fp32 to the element types of model files: simple, for tests.

#ifndef CHIMERA_TESTS_TESTING_QUANTIZE_H_
#define CHIMERA_TESTS_TESTING_QUANTIZE_H_

#include <span>
#include <string>

#include "common/model/data_type.h"

namespace chimera::testing {

// The bytes of `values` as `type`, each element at the nearest value of its block's grid.
// REQUIRES: a whole number of blocks.
std::string Quantize(DataType type, std::span<const float> values);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_QUANTIZE_H_
