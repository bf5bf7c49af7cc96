// A drafter that answers every step, and never well.

#ifndef CHIMERA_TESTS_E2E_MALFORMED_DRAFTER_H_
#define CHIMERA_TESTS_E2E_MALFORMED_DRAFTER_H_

#include "common/model/llama_model.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"

namespace chimera::testing {

// Shakes hands as a drafter for `model` does, then answers each step with a message that is wrong in
// the next of many ways: trees with cycles, wrong parents, twins, tokens and depths out of range,
// probabilities that rise or are no numbers; drafts of other epochs, positions and sequences; step
// numbers never asked for; messages that are empty or come at the wrong time.
Script MalformedDrafter(const LlamaModel& model);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_MALFORMED_DRAFTER_H_
