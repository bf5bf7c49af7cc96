// A plainer kernel for add_norm.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ADD_NORM_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ADD_NORM_H_

#include <vector>

#include "common/cuda/device/block_sum.h"
#include "common/cuda/kernels/add_norm.h"
#include "tests/common/cuda/kernels/plain_row_kernel.h"

namespace chimera::testing {

enum class AddNormFault {
  kNone,
  kByRowCount,      // adds the splits from the last to the first where there are many rows
  kNoRowIsRowZero,  // takes row -1 of a matrix for 0
  kResidualInSum,   // stores the residual with the sum
  kSquaresOfSum     // takes the mean square without the residual
};

template <AddNormFault kFault>
struct PlainAddNorm : PlainRowKernel {
  using Arguments = AddNormArguments;

  template <typename Element>
  static Element* RowOf(const MatrixRows<Element>& rows, int size) {
    if (rows.matrix == nullptr) return nullptr;
    int row = rows.rows == nullptr ? Row() : rows.rows[Row()];
    if (row < 0 && kFault == AddNormFault::kNoRowIsRowZero) row = 0;
    return row < 0 ? nullptr : rows.matrix + int64_t{row} * size;
  }

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int size = arguments.size;
    const float* const addend = RowOf(arguments.addend, size);
    const float* const residual = RowOf(arguments.residual, size);
    float* const sum = RowOf(arguments.sum, size);
    const bool is_backwards =
        kFault == AddNormFault::kByRowCount && arguments.row_count >= kManyRows;
    std::vector<float> row(size);  // the thread's elements of it
    float own_squares = 0;
    for (int i = device::ThreadIndex(); i < size; i += kThreads) {
      float x = SumSplits(arguments.partials + int64_t{Row()} * size + i, arguments.split_count,
                          int64_t{arguments.row_count} * size, is_backwards);
      if (addend != nullptr) x = device::Add(x, addend[i]);
      row[i] = residual == nullptr ? x : device::Add(x, residual[i]);
      if (sum != nullptr) sum[i] = kFault == AddNormFault::kResidualInSum ? row[i] : x;
      const float squared = kFault == AddNormFault::kSquaresOfSum ? x : row[i];
      own_squares = device::Fma(squared, squared, own_squares);
    }
    const float mean = device::Div(device::WarpSum(own_squares), static_cast<float>(size));
    const float scale = device::Div(1.0f, device::Sqrt(device::Add(mean, arguments.epsilon)));
    uint16_t* const output = arguments.output + int64_t{Row()} * arguments.output_stride;
    for (int i = device::ThreadIndex(); i < size; i += kThreads) {
      output[i] = device::FloatToBf16(device::Mul(device::Mul(row[i], scale), arguments.weight[i]));
    }
  }
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ADD_NORM_H_
