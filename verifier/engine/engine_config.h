// Limits and defaults of the engine.

#ifndef CHIMERA_VERIFIER_ENGINE_ENGINE_CONFIG_H_
#define CHIMERA_VERIFIER_ENGINE_ENGINE_CONFIG_H_

#include <cstdint>

#include "verifier/engine/draft_options.h"

namespace chimera {

// Whether drafts are cut to what pays on this machine.
enum class NodePlanning {
  kByStepTime,  // times steps at start-up and verifies the nodes that raise tokens per second
  kVerifyAll,   // verifies every node that a drafter proposes
};

struct EngineConfig {
  int32_t max_running_requests = 8;  // at most the backend's slots
  int32_t max_waiting_requests = 64;
  int64_t max_waiting_tokens = 1 << 18;  // prompt tokens of all waiting requests together
  int32_t prefill_chunk = 256;           // prompt tokens of all sequences together per step
  int step_groups = 1;                   // at most StepGroups::kMaxGroups
  NodePlanning planning = NodePlanning::kByStepTime;
  double canary_fraction = 0;  // share of the replies that are checked against plain decoding
  uint64_t canary_seed = 0;    // decides which
  DraftOptions draft;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_ENGINE_CONFIG_H_
