// How the engine drafts.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFT_OPTIONS_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFT_OPTIONS_H_

#include <chrono>
#include <cstdint>

namespace chimera {

// Constant.
struct DraftOptions {
  std::chrono::microseconds deadline{50'000};  // longest wait for a reply, counted from the request
  // A drafter that answers nothing for so long, though there is something to answer, is given up
  // until it connects again.
  std::chrono::milliseconds answer_timeout{2'000};
  int32_t max_nodes = 8;  // default of a request that names none, root excluded
  int32_t max_depth = 5;  // likewise
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFT_OPTIONS_H_
