// What each slot's tree scratch holds: what a commit is checked against.

#ifndef CHIMERA_COMMON_BACKEND_SLOT_TREES_H_
#define CHIMERA_COMMON_BACKEND_SLOT_TREES_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/backend/backend.h"

namespace chimera {

// The trees of the last steps. Not for several threads at once.
class SlotTrees {
 public:
  explicit SlotTrees(const BackendLimits& limits) : limits_(limits), trees_(limits.slot_count) {}

  // Notes what a step leaves in its slots; a chunk leaves no tree. REQUIRES: valid sequences.
  void Remember(std::span<const SequenceStep> sequences);

  // Returns INVALID_ARGUMENT, naming the field and what it must be, unless the nodes are a path
  // from the root of the slot's tree and the page table covers where they go.
  absl::Status ValidateCommit(const CommitRequest& request) const;

 private:
  struct SlotTree {
    int32_t context_length = 0;
    int32_t size = 0;  // 0: nothing
    std::array<int8_t, TokenTree::kMaxNodes> parents = {};
  };

  BackendLimits limits_;
  std::vector<SlotTree> trees_;  // [slot_count]
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_SLOT_TREES_H_
