// Copies the residual stream between two layers to where the drafter's input is collected.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_H_
#define CHIMERA_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes, `output_rows` to 4.
struct GatherHiddenStatesArguments {
  int row_count = 0;                     // of the residual stream, at least 1
  int size = 0;                          // elements of a row: a multiple of 4
  int tap = 0;                           // which of the tapped layers this is, below tap_count
  int tap_count = 0;                     // at least 1
  const float* residual = nullptr;       // [row_count, size]
  const int32_t* output_rows = nullptr;  // [row_count], different ones; -1: not copied
  uint16_t* output = nullptr;            // [*, tap_count, size] bf16
};

// output[output_rows[row], tap] = bf16(residual[row]); the rest of the output stays.
absl::Status LaunchGatherHiddenStates(StreamView stream,
                                      const GatherHiddenStatesArguments& arguments,
                                      LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_H_
