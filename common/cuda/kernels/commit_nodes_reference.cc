#include "common/cuda/kernels/commit_nodes_reference.h"

#include "common/cuda/kernels/kv_layout.h"

namespace chimera {
namespace {

// One slot of one layer's keys or values.
void CopySlot(const CommitNodesArguments& arguments, const KvMove& move, uint16_t* elements) {
  for (int head = 0; head < arguments.kv_head_count; ++head) {
    for (int i = 0; i < arguments.head_dim; ++i) {
      const auto element = [&](int slot) {
        return KvElement(slot, head, arguments.kv_head_count, arguments.head_dim) + i;
      };
      elements[element(move.to_slot)] = elements[element(move.from_slot)];
    }
  }
}

}  // namespace

void CommitNodesKernelReference(const CommitNodesArguments& arguments) {
  const int64_t elements_per_page =
      int64_t{kPageSlots} * arguments.kv_head_count * arguments.head_dim;
  for (int64_t plane = 0; plane < 2 * arguments.layer_count; ++plane) {
    for (int i = 0; i < arguments.move_count; ++i) {
      if (arguments.moves[i].from_slot < 0) continue;
      CopySlot(arguments, arguments.moves[i],
               arguments.pool + plane * arguments.page_count * elements_per_page);
    }
  }
}

}  // namespace chimera
