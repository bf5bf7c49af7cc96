// Linear layers y = x W^T on tensor cores, with weights in fragment order (fragment_weights.h).

#ifndef CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_H_
#define CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/kernels/fragment_gemm_plan.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes.
struct FragmentGemmArguments {
  int row_count = 0;                  // at least 1
  int output_size = 0;                // features of y: a multiple of kFragmentSize
  int input_size = 0;                 // elements of a row of x: a multiple of kFragmentSize
  const uint16_t* input = nullptr;    // x, [row_count, input_size] bf16
  const uint16_t* weights = nullptr;  // [output_size, input_size] bf16 in fragment order
  // [FragmentGemmOutputSplits(), row_count, output_size]
  float* output = nullptr;
};

// With S = FragmentGemmSplits() and b(s) = kFragmentSize * FragmentSplitBegin(s), the partial sum
//
//   p[s][row][n] = sum of W[n][k] * x[row][k] over b(s) <= k < b(s + 1)
//
// starts from +0 and is made by one chain of mma.sync.m16n8k16, k ascending, whose arithmetic is
// the device's. Up to kMaxFragmentPartialRows rows, p is the output; of more rows it is
// 0 + p[0] + p[1] + ..., in this order, every operation rounded to fp32. So who adds up the splits
// of an output to 0 in order has the same bits for every number of rows, and a row's bits depend on
// nothing but the row and the weights.
//
// The first weights are read before the prior launch has ended if the launch overlaps it: nothing
// on the stream may have written them since.
absl::Status LaunchFragmentGemm(StreamView stream, const FragmentGemmArguments& arguments,
                                LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

// The same with a tile that the caller chooses, for tests and measurements. REQUIRES: the tile
// takes so many rows, those that leave sums more than kMaxFragmentPartialRows.
absl::Status LaunchFragmentGemmWithTile(StreamView stream, const FragmentGemmArguments& arguments,
                                        FragmentGemmTile tile,
                                        LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_H_
