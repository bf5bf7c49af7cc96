#include "common/cuda/kernels/sum_splits_reference.h"

namespace chimera {

void SumSplitsKernelReference(const SumSplitsArguments& arguments) {
  const int64_t size = arguments.size;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    const int64_t output_row = arguments.output_rows == nullptr ? row : arguments.output_rows[row];
    if (output_row < 0) continue;
    for (int64_t i = 0; i < size; ++i) {
      float sum = 0;
      for (int64_t split = 0; split < arguments.split_count; ++split) {
        sum += arguments.partials[(split * arguments.row_count + row) * size + i];
      }
      arguments.output[output_row * size + i] = sum;
    }
  }
}

}  // namespace chimera
