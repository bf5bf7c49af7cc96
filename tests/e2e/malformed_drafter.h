// A drafter that answers every step, and never well; and what it is made of.

#ifndef CHIMERA_TESTS_E2E_MALFORMED_DRAFTER_H_
#define CHIMERA_TESTS_E2E_MALFORMED_DRAFTER_H_

#include <cstdint>

#include "common/model/llama_model.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"

namespace chimera::testing {

// Shakes hands as a drafter for `model` does, then answers each step with a message that is wrong
// in the next of many ways: trees with cycles, wrong parents, twins, tokens and depths out of
// range, probabilities that rise or are no numbers; drafts of other epochs, positions and
// sequences; step numbers never asked for; messages that are empty or come at the wrong time.
Script MalformedDrafter(const LlamaModel& model);

// A Ready that fits `model`.
v1::DraftResponse FittingReady(const LlamaModel& model);

// A chain of `size` nodes, as drafters send it; its first node has `token`, the others the next.
void MakeChain(int size, int32_t token, v1::TokenTree* tree);

// Makes `draft`, which answers a request, wrong in the given way: one of [0, kSpoiledDraftKinds).
inline constexpr int kSpoiledDraftKinds = 23;
void SpoilDraft(int kind, int32_t vocab_size, v1::SequenceDraft* draft);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_MALFORMED_DRAFTER_H_
