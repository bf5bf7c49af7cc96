// Where tests labelled "model" find the default model.

#ifndef CHIMERA_TESTS_TESTING_DEFAULT_MODEL_H_
#define CHIMERA_TESTS_TESTING_DEFAULT_MODEL_H_

#include <string>

namespace chimera::testing {

// $CHIMERA_MODEL, or else SmolLM2-135M-Instruct where scripts/setup puts it:
// ${XDG_CACHE_HOME:-$HOME/.cache}/chimera. The file need not exist: opening it then says what is
// missing.
std::string DefaultModelPath();

// True where $CHIMERA_MODEL names another model, of which a test must not expect the default's
// figures.
bool IsOtherModel();

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_DEFAULT_MODEL_H_
