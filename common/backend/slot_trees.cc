#include "common/backend/slot_trees.h"

#include "absl/strings/str_cat.h"
#include "common/backend/step_validation.h"

namespace chimera {
namespace {

template <typename... Pieces>
absl::Status InvalidCommit(const Pieces&... pieces) {
  return absl::InvalidArgumentError(absl::StrCat(pieces...));
}

}  // namespace

void SlotTrees::Remember(std::span<const SequenceStep> sequences) {
  for (const SequenceStep& sequence : sequences) {
    SlotTree& slot = trees_[sequence.slot];
    slot = {.context_length = sequence.context_length};
    if (sequence.tree == nullptr) continue;
    slot.size = sequence.tree->size();
    for (int node = 0; node < slot.size; ++node) {
      slot.parents[node] = static_cast<int8_t>(sequence.tree->parent(node));
    }
  }
}

absl::Status SlotTrees::ValidateCommit(const CommitRequest& request) const {
  if (request.slot < 0 || request.slot >= limits_.slot_count) {
    return InvalidCommit("slot ", request.slot, ", must be in [0, ", limits_.slot_count, ")");
  }
  const SlotTree& tree = trees_[request.slot];
  if (request.context_length != tree.context_length) {
    return InvalidCommit("context_length ", request.context_length, ", must be ",
                         tree.context_length, ", the position of the root of slot ", request.slot);
  }
  int previous = -1;
  for (const int node : request.nodes) {
    if (node < 0 || node >= tree.size) {
      return InvalidCommit("node ", node, ", must be in [0, ", tree.size, ")");
    }
    if (tree.parents[node] != previous) {
      return InvalidCommit("node ", node, ", must be a child of ", previous,
                           ", the node before it");
    }
    previous = node;
  }
  return ValidatePageTable(
      request.pages, request.context_length + static_cast<int64_t>(request.nodes.size()), limits_);
}

}  // namespace chimera
