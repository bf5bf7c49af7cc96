// Adds up what a linear layer has computed in splits of k, where its output is wanted as it is.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SUM_SPLITS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SUM_SPLITS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes, `output_rows` to 4.
struct SumSplitsArguments {
  int row_count = 0;                     // at least 1
  int split_count = 0;                   // at least 1
  int size = 0;                          // elements of a row: a multiple of 4
  const float* partials = nullptr;       // [split_count, row_count, size]
  const int32_t* output_rows = nullptr;  // [row_count] of the output, different ones; -1: nowhere;
                                         // null: row i goes to row i
  float* output = nullptr;               // [*, size]
};

// output[output_rows[row]] = 0 + partials[0][row] + partials[1][row] + ..., in this order, every
// operation rounded.
absl::Status LaunchSumSplits(StreamView stream, const SumSplitsArguments& arguments,
                             LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SUM_SPLITS_H_
