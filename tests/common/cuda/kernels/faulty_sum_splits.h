// A plainer kernel for sum_splits.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SUM_SPLITS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SUM_SPLITS_H_

#include "common/cuda/kernels/sum_splits.h"
#include "tests/common/cuda/kernels/plain_row_kernel.h"

namespace chimera::testing {

enum class SumSplitsFault {
  kNone,
  kByRowCount,       // adds the splits from the last to the first where there are many rows
  kNowhereIsRowZero  // takes output row -1 for 0
};

template <SumSplitsFault kFault>
struct PlainSumSplits : PlainRowKernel {
  using Arguments = SumSplitsArguments;

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int size = arguments.size;
    int64_t to = arguments.output_rows == nullptr ? Row() : arguments.output_rows[Row()];
    if (to < 0 && kFault == SumSplitsFault::kNowhereIsRowZero) to = 0;
    if (to < 0) return;
    const bool is_backwards =
        kFault == SumSplitsFault::kByRowCount && arguments.row_count >= kManyRows;
    for (int i = device::ThreadIndex(); i < size; i += kThreads) {
      arguments.output[to * size + i] =
          SumSplits(arguments.partials + int64_t{Row()} * size + i, arguments.split_count,
                    int64_t{arguments.row_count} * size, is_backwards);
    }
  }
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SUM_SPLITS_H_
