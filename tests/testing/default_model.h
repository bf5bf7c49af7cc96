// What tests labelled "model" know about the model they run on.

#ifndef CHIMERA_TESTS_TESTING_DEFAULT_MODEL_H_
#define CHIMERA_TESTS_TESTING_DEFAULT_MODEL_H_

namespace chimera::testing {

// True where DefaultModelPath() does not lead to a file named like the default model:
// $CHIMERA_MODEL names another one, of which a test must not expect the default's figures.
bool IsOtherModel();

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_DEFAULT_MODEL_H_
