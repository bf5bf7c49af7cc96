// Makes a tree that may be verified out of what a drafter sent.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFT_VALIDATION_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFT_VALIDATION_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/tree/token_tree.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/sequence.h"

namespace chimera {

// Returns the tree of `draft`, its root being the newest token of `sequence`, which awaits the
// draft. FAILED_PRECONDITION if it is for another state of the sequence; INVALID_ARGUMENT if it is
// not what was asked for: too large or too deep, not a valid tree, or with probabilities that rise
// or are none.
absl::StatusOr<TokenTree> ValidateDraft(const Draft& draft, const Sequence& sequence,
                                        int32_t vocab_size);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFT_VALIDATION_H_
