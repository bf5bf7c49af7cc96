// The drafter that was trained for the default model.

#ifndef CHIMERA_TESTS_E2E_TRAINED_DRAFTER_H_
#define CHIMERA_TESTS_E2E_TRAINED_DRAFTER_H_

#include <memory>

#include "common/model/llama_model.h"
#include "drafter/draft_model.h"

namespace chimera::testing {

// The one that lies beside DefaultModelPath(), for `target`, that model. Null if there is none, as
// for a model that CHIMERA_MODEL names; fails the test if there should be one.
std::unique_ptr<DraftModel> MakeTrainedDrafter(std::shared_ptr<const LlamaModel> target);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_TRAINED_DRAFTER_H_
