// Sums of rows from several places, and their root-mean-square normalisation: what comes between
// the linear layers of a draft network.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ADD_NORM_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ADD_NORM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// The largest row: what the threads of a block hold in registers.
inline constexpr int kMaxAddNormSize = 8192;

// Rows of a matrix [*, size] of fp32 that the rows of a launch go with.
template <typename Element>
struct MatrixRows {
  Element* matrix = nullptr;      // null: there is none
  const int32_t* rows = nullptr;  // [row_count], -1: none for this row; null: row i goes with row i
};

// All pointers are to device memory, aligned to 16 bytes, those to int32_t to 4.
struct AddNormArguments {
  int row_count = 0;                // at least 1
  int size = 0;                     // elements of a row: a multiple of 4, at most kMaxAddNormSize
  int split_count = 0;              // may be 0
  float epsilon = 0;                // added to the mean square
  const float* partials = nullptr;  // [split_count, row_count, size]
  MatrixRows<const float> addend = {};
  MatrixRows<float> sum = {};  // written, different rows; may be the addend's if these are the same
  MatrixRows<const float> residual = {};
  const float* weight = nullptr;  // [size]
  uint16_t* output = nullptr;     // bf16, rows of `size` elements, `output_stride` apart
  int output_stride = 0;          // a multiple of 4, at least `size`
};

// For each row, in fp32, every operation rounded, what there is not left out:
//
//   sum    = 0 + partials[0] + partials[1] + ... + addend, in this order
//   x      = sum + residual
//   output = bf16(x * scale * weight), scale = 1 / sqrt(squares / size + epsilon)
//
// squares is the sum of the squares of x, made as by LaunchRmsNorm (rms_norm.h). A row's bits
// depend on nothing but the row.
absl::Status LaunchAddNorm(StreamView stream, const AddNormArguments& arguments,
                           LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ADD_NORM_H_
