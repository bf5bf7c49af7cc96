#include "common/cuda/kernels/gather_hidden_states_reference.h"

#include "common/base/float16.h"

namespace chimera {

void GatherHiddenStatesKernelReference(const GatherHiddenStatesArguments& arguments) {
  const int64_t size = arguments.size;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    const int64_t output_row = arguments.output_rows[row];
    if (output_row < 0) continue;
    for (int64_t i = 0; i < size; ++i) {
      arguments.output[(output_row * arguments.tap_count + arguments.tap) * size + i] =
          FloatToBf16(arguments.residual[row * size + i]);
    }
  }
}

}  // namespace chimera
