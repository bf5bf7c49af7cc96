// The activation between two linear layers, after the sum of what the first has computed in splits
// of k.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SILU_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SILU_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes.
struct SiluArguments {
  int row_count = 0;                // at least 1
  int split_count = 0;              // at least 1
  int size = 0;                     // elements of a row: a multiple of 4
  const float* partials = nullptr;  // [split_count, row_count, size]
  uint16_t* output = nullptr;       // [row_count, size] bf16
};

// For each row, in fp32, every operation rounded:
//
//   x      = 0 + partials[0] + partials[1] + ..., in this order
//   output = bf16(x / (1 + Exp2(x * -log2(e)))), log2(e) = 0x1.715476p+0
//
// as silu_mul.h has it. A row's bits depend on nothing but the row.
absl::Status LaunchSilu(StreamView stream, const SiluArguments& arguments,
                        LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SILU_H_
