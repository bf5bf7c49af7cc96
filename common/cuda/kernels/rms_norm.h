// Root-mean-square normalisation of the residual stream, after adding to it what a linear layer
// has computed in splits of k.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_RMS_NORM_H_
#define CHIMERA_COMMON_CUDA_KERNELS_RMS_NORM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// The largest row: what the threads of a block hold in registers.
inline constexpr int kMaxRmsNormSize = 8192;

// All pointers are to device memory, aligned to 16 bytes. Residual is float, or uint16_t for bf16.
template <typename Residual>
struct RmsNormArguments {
  int row_count = 0;                // at least 1
  int size = 0;                     // elements of a row: a multiple of 4, at most kMaxRmsNormSize
  int split_count = 0;              // 0: the residual stream is normalised as it is
  float epsilon = 0;                // added to the mean square
  const float* partials = nullptr;  // [split_count, row_count, size]
  Residual* residual = nullptr;     // [row_count, size], read and, with splits, written
  const float* weight = nullptr;    // [size]
  uint16_t* output = nullptr;       // [row_count, size] bf16
};

// For each row, in fp32, every operation rounded:
//
//   sum      = 0 + partials[0] + partials[1] + ..., in this order
//   residual = residual + sum, rounded to its type
//   output   = bf16(residual * scale * weight), scale = 1 / sqrt(squares / size + epsilon)
//
// squares is the sum of the squares of the new residual: thread t of 256 adds those of elements
// 4 t + 1024 i + j by fma, i and then j ascending, and the threads' sums are added as BlockSum
// (common/cuda/device/block_sum.h) does. So a row's bits depend on nothing but the row.
absl::Status LaunchRmsNorm(StreamView stream, const RmsNormArguments<float>& arguments,
                           LaunchOrder order = LaunchOrder::kAfterPriorLaunch);
absl::Status LaunchRmsNorm(StreamView stream, const RmsNormArguments<uint16_t>& arguments,
                           LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_RMS_NORM_H_
