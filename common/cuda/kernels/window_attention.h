// Attention of a draft network's encoder: each row to a sliding window of its sequence, and to the
// drafted nodes on its path.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_H_
#define CHIMERA_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// Drafted nodes on a path, itself included.
inline constexpr int kMaxWindowAttentionPath = 16;

inline constexpr int kMaxWindowAttentionHeadDim = 1024;

// What a row attends to. Position i of the window is in KV slot i % kPageSlots of page
// ring_begin + (first_page + i / kPageSlots) % ring_pages.
struct WindowAttentionRow {
  int32_t ring_begin = 0;
  int32_t first_page = 0;  // in the ring, below ring_pages
  int32_t window_count = 0;
  int32_t path_count = 0;
  int32_t path[kMaxWindowAttentionPath] = {};  // KV slots among the nodes', the root's child first
};

// All pointers are to device memory, aligned to 16 bytes.
struct WindowAttentionArguments {
  int row_count = 0;      // at least 1
  int head_count = 0;     // of queries, a multiple of kv_head_count
  int kv_head_count = 0;  // at least 1
  int head_dim = 0;       // a multiple of 16, at most kMaxWindowAttentionHeadDim
  int ring_pages = 0;     // pages of a window, at least 1

  const WindowAttentionRow* rows = nullptr;  // [row_count]
  const uint16_t* queries = nullptr;         // [row_count, head_count, head_dim] bf16, rotated
  const uint16_t* keys = nullptr;            // of all windows, as kv_layout.h says
  const uint16_t* values = nullptr;          // likewise
  const uint16_t* node_keys = nullptr;       // of drafted nodes, likewise
  const uint16_t* node_values = nullptr;     // likewise
  uint16_t* output = nullptr;                // [row_count, head_count * head_dim] bf16
};

// For each query q, with the keys k and values v of the window's positions and of the path's, in
// this order, in fp32:
//
//   output = bf16(sum of w[i] v[i] / sum of w[i]),  w[i] = exp(q k[i] / sqrt(head_dim))
//
// and zeros for a row that attends to nothing, which may be padding. Sums are made in an order that
// depends on the sizes alone: equal operands give equal bits, and a row's depend on nothing but the
// row.
absl::Status LaunchWindowAttention(StreamView stream, const WindowAttentionArguments& arguments,
                                   LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_H_
