// Moves the keys and values of accepted tree nodes from their scratch slots to page slots, for all
// layers at once.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_COMMIT_NODES_H_
#define CHIMERA_COMMON_CUDA_KERNELS_COMMIT_NODES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// One slot's keys and values, of every layer. A kernel reads it as two int32.
struct KvMove {
  int32_t from_slot = -1;  // -1: nothing is copied
  int32_t to_slot = -1;
};

// All pointers are to device memory, aligned to 16 bytes, `moves` to 4.
struct CommitNodesArguments {
  int move_count = 0;     // at least 1
  int layer_count = 0;    // at least 1, at most 32 767
  int page_count = 0;     // of the whole pool, scratch included
  int kv_head_count = 0;  // at least 1
  int head_dim = 0;       // a multiple of 8

  const KvMove* moves = nullptr;  // [move_count]; no slot is written that another move names
  uint16_t* pool = nullptr;       // [layer][keys, values][page...] bf16, then as kv_layout.h says
};

// Copies bit for bit, and touches nothing but the slots named. A launch in a graph has as many
// moves as there may be: those left over are -1.
absl::Status LaunchCommitNodes(StreamView stream, const CommitNodesArguments& arguments,
                               LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_COMMIT_NODES_H_
