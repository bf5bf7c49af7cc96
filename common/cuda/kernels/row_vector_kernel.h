// What element-wise kernels have in common: a thread for each vector, which is a few consecutive
// elements, of each row of a matrix.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ROW_VECTOR_KERNEL_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ROW_VECTOR_KERNEL_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/launch_shape.h"

namespace chimera {

// The base of such kernels (common/cuda/launch.h). A row is shared out over blocks, so that a
// single row, too, is read by many multiprocessors at once.
struct RowVectorKernel {
  static constexpr int kThreads = 128;
  static constexpr int kBlocksPerMultiprocessor = 8;  // at most 64 registers

  // Rows along x, the vectors of a row along y.
  static LaunchShape Shape(int row_count, int vectors_per_row, LaunchOrder order) {
    return {{row_count, (vectors_per_row + kThreads - 1) / kThreads, 1}, 0, order};
  }

  static CHIMERA_DEVICE int Row() { return device::BlockX(); }

  // The calling thread's vector in its row; there may be more threads than vectors.
  static CHIMERA_DEVICE int Vector() { return device::BlockY() * kThreads + device::ThreadIndex(); }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ROW_VECTOR_KERNEL_H_
