// Puts the rows that go on, in the output head those that are sampled from, side by side.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_GATHER_ROWS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_GATHER_ROWS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes, `indices` to 4.
struct GatherRowsArguments {
  int row_count = 0;                 // of the output, at least 1
  int size = 0;                      // elements of a row: a multiple of 8
  const uint16_t* input = nullptr;   // [*, size] bf16
  const int32_t* indices = nullptr;  // [row_count], of rows of the input; -1: a row of zeros
  uint16_t* output = nullptr;        // [row_count, size] bf16, apart from the input
};

// output[row] = input[indices[row]], bit for bit.
absl::Status LaunchGatherRows(StreamView stream, const GatherRowsArguments& arguments,
                              LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_GATHER_ROWS_H_
