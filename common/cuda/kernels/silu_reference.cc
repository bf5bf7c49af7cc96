#include "common/cuda/kernels/silu_reference.h"

#include <cmath>

#include "common/base/float16.h"

namespace chimera {

void SiluKernelReference(const SiluArguments& arguments) {
  const int64_t elements = int64_t{arguments.row_count} * arguments.size;
  for (int64_t i = 0; i < elements; ++i) {
    float sum = 0;
    for (int64_t split = 0; split < arguments.split_count; ++split) {
      sum += arguments.partials[split * elements + i];
    }
    const double output = double{sum} / (1 + std::exp(-double{sum}));
    arguments.output[i] = FloatToBf16(static_cast<float>(output));
  }
}

}  // namespace chimera
