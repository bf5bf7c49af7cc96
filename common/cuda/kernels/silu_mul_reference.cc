#include "common/cuda/kernels/silu_mul_reference.h"

#include <cmath>

#include "common/base/float16.h"

namespace chimera {

void SiluMulKernelReference(const SiluMulArguments& arguments) {
  const int64_t size = arguments.size;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    const auto sum_of_splits = [&](int64_t element) {
      float sum = 0;
      for (int64_t split = 0; split < arguments.split_count; ++split) {
        sum += arguments.partials[(split * arguments.row_count + row) * 2 * size + element];
      }
      return sum;
    };
    for (int64_t i = 0; i < size; ++i) {
      const double gate = sum_of_splits(i);
      const double output = gate / (1 + std::exp(-gate)) * sum_of_splits(size + i);
      arguments.output[row * size + i] = FloatToBf16(static_cast<float>(output));
    }
  }
}

}  // namespace chimera
