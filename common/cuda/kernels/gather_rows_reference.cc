#include "common/cuda/kernels/gather_rows_reference.h"

namespace chimera {

void GatherRowsKernelReference(const GatherRowsArguments& arguments) {
  const int64_t size = arguments.size;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    const int64_t index = arguments.indices[row];
    for (int64_t i = 0; i < size; ++i) {
      arguments.output[row * size + i] = index < 0 ? 0 : arguments.input[index * size + i];
    }
  }
}

}  // namespace chimera
