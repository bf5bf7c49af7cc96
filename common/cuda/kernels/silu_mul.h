// The gated activation of the feed-forward layer, after the sum of what the linear layer of gate
// and up has computed in splits of k.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SILU_MUL_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SILU_MUL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes.
struct SiluMulArguments {
  int row_count = 0;                // at least 1
  int split_count = 0;              // at least 1
  int size = 0;                     // gates of a row, and as many ups: a multiple of 4
  const float* partials = nullptr;  // [split_count, row_count, 2 size]: a row's gates, then its ups
  uint16_t* output = nullptr;       // [row_count, size] bf16
};

// For each row, in fp32, every operation rounded:
//
//   gate, up = 0 + partials[0] + partials[1] + ..., in this order
//   output   = bf16(gate / (1 + Exp2(gate * -log2(e))) * up), log2(e) = 0x1.715476p+0
//
// Exp2 is VectorExp2 of common/base/vector_math.h: the same bits on device and host. A row's bits
// depend on nothing but the row.
absl::Status LaunchSiluMul(StreamView stream, const SiluMulArguments& arguments,
                           LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SILU_MUL_H_
