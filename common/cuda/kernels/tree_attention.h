// Attention of all rows of a step, decoding, verification of trees and prefill alike. A row's bits
// depend on its position and path only.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_TREE_ATTENTION_H_
#define CHIMERA_COMMON_CUDA_KERNELS_TREE_ATTENTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes.
struct TreeAttentionArguments {
  int head_count = 0;     // of queries, a multiple of kv_head_count, at most 64 times as many
  int kv_head_count = 0;  // at least 1
  int head_dim = 0;       // 64 or 128
  // Blocks of threads that share the work. Any number gives the same bits; the best is as many as
  // the device runs at a time, TreeAttentionBlocksPerMultiprocessor() times its multiprocessors.
  int block_count = 0;

  const int32_t* plan = nullptr;      // what AttentionPlanner::Plan wrote
  const uint16_t* queries = nullptr;  // [rows, head_count, head_dim] bf16, rotated
  const uint16_t* keys = nullptr;     // the layer's, as kv_layout.h says
  const uint16_t* values = nullptr;   // likewise
  float* workspace = nullptr;         // [TreeAttentionWorkspaceSize()]; contents mean nothing
  uint16_t* output = nullptr;         // [rows, head_count * head_dim] bf16
};

// Elements of the workspace for a planner's AttentionLimits::partial_rows.
int64_t TreeAttentionWorkspaceSize(int partial_rows, int head_count, int head_dim);

// Blocks that one multiprocessor runs at a time.
int TreeAttentionBlocksPerMultiprocessor(int head_dim);

// For each query q at position t, with keys k and values v of positions 0 to t along its path:
//
//   output = bf16(sum of w[p] v[p] / sum of w[p]),  w[p] = exp(q k[p] / sqrt(head_dim))
//
// The sums are made in parts: the chunks of AttentionChunkPositions() positions below
// AttentionBulkEnd(t), and the tail, which is the rest. A part has a maximum m and sums of weights
// bf16(2^(s[p] - m)), of which those below 2^-60 are 0; s[p] is the product q k[p], by mma.sync in
// ascending steps of 16 elements, times log2(e) / sqrt(head_dim).
//
//   - Chunk: tiles of 64 positions; m is the greatest score so far, sums are rescaled when it
//     rises, and grow by mma.sync in ascending steps of 16 positions.
//   - Tail: m is the greatest score; one step of mma.sync for each position, ascending. Other
//     columns of a step have weight 0, and it does not matter which they are.
//   - The sum of weights is made as if it were one more element of v, which is 1.
//   - Merging: for each part in order, unless all of it is masked, n = max(m, m[part]),
//     sum = fma(sum[part], 2^(m[part] - n), sum * 2^(m - n)), m = n.
//
// A masked position has weight 0, which changes no bit of a sum. So nothing but q, the path's k
// and v, and t enters.
//
// The plan is read before the prior launch has ended if the launch overlaps it: that launch must
// not have written it.
absl::Status LaunchTreeAttention(StreamView stream, const TreeAttentionArguments& arguments,
                                 LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_TREE_ATTENTION_H_
