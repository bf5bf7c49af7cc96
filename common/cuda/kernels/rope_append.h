// What comes between the linear layer of q, k and v and attention: the sum of its splits of k, the
// rotary position embedding on interleaved pairs, and the new keys and values' way into the pool.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ROPE_APPEND_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ROPE_APPEND_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes, those to int32_t to 4.
struct RopeAppendArguments {
  int row_count = 0;      // at least 1
  int split_count = 0;    // at least 1
  int head_count = 0;     // of queries; 0: there are none
  int kv_head_count = 0;  // at least 1
  int head_dim = 0;       // a multiple of 16

  // [split_count, row_count, (head_count + 2 kv_head_count) head_dim]: the heads of q, of k, of v.
  const float* partials = nullptr;
  const float* rope_table = nullptr;   // [positions, head_dim / 2, 2]: cosine and sine of a pair
  const int32_t* positions = nullptr;  // [row_count], each one of the table's
  const int32_t* kv_slots = nullptr;   // [row_count], different ones; -1: k and v are not written
  uint16_t* queries = nullptr;         // [row_count, head_count, head_dim] bf16
  uint16_t* keys = nullptr;            // the layer's, as kv_layout.h says
  uint16_t* values = nullptr;          // likewise
};

// For each row, in fp32, every operation rounded:
//
//   x  = 0 + partials[0] + partials[1] + ..., in this order
//   a' = fma(a, cosine, b * -sine), b' = fma(b, cosine, a * sine) for the pairs (a, b) of q and k
//
// rounded to bf16. A row's bits depend on nothing but the row and its position.
absl::Status LaunchRopeAppend(StreamView stream, const RopeAppendArguments& arguments,
                              LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ROPE_APPEND_H_
