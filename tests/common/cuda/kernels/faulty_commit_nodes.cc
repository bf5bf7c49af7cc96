#include "tests/common/cuda/kernels/faulty_commit_nodes.h"

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/launch.h"

namespace chimera::testing {
namespace {

enum class Fault { kNone, kLastValuesLeft, kAdjacentHeads, kPaddingCopied };

// One warp per move, which goes through the layers, an element at a time.
struct Kernel {
  struct Arguments {
    CommitNodesArguments commit;
    Fault fault;
  };
  static constexpr int kThreads = kWarpSize;
  static constexpr int kBlocksPerMultiprocessor = 1;

  static CHIMERA_DEVICE int64_t Element(const Arguments& arguments, int slot, int i) {
    const CommitNodesArguments& commit = arguments.commit;
    if (arguments.fault == Fault::kAdjacentHeads) {
      return KvElement(slot, 0, commit.kv_head_count, commit.head_dim) + i;
    }
    return KvElement(slot, i / commit.head_dim, commit.kv_head_count, commit.head_dim) +
           i % commit.head_dim;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const CommitNodesArguments& commit = arguments.commit;
    KvMove move = commit.moves[device::BlockX()];
    if (move.from_slot < 0 && arguments.fault == Fault::kPaddingCopied) move.from_slot = 0;
    if (move.from_slot < 0) return;
    const int slot_size = commit.kv_head_count * commit.head_dim;
    const int planes = 2 * commit.layer_count - (arguments.fault == Fault::kLastValuesLeft ? 1 : 0);
    uint16_t* plane = commit.pool;
    for (int p = 0; p < planes; ++p) {
      for (int i = device::ThreadIndex(); i < slot_size; i += kThreads) {
        plane[Element(arguments, move.to_slot, i)] = plane[Element(arguments, move.from_slot, i)];
      }
      plane += int64_t{commit.page_count} * kPageSlots * slot_size;
    }
  }
};

absl::Status LaunchWith(StreamView stream, const CommitNodesArguments& arguments, LaunchOrder order,
                        Fault fault) {
  return Launch<Kernel>(stream, {{arguments.move_count, 1, 1}, 0, order}, {arguments, fault});
}

}  // namespace

absl::Status LaunchFaultlessCommitNodes(StreamView stream, const CommitNodesArguments& arguments,
                                        LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kNone);
}

absl::Status LaunchCommitNodesButTheLastValues(StreamView stream,
                                               const CommitNodesArguments& arguments,
                                               LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kLastValuesLeft);
}

absl::Status LaunchCommitNodesOfAdjacentHeads(StreamView stream,
                                              const CommitNodesArguments& arguments,
                                              LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kAdjacentHeads);
}

absl::Status LaunchCommitNodesWithPadding(StreamView stream, const CommitNodesArguments& arguments,
                                          LaunchOrder order) {
  return LaunchWith(stream, arguments, order, Fault::kPaddingCopied);
}

}  // namespace chimera::testing
