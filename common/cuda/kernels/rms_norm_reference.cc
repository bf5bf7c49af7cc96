#include "common/cuda/kernels/rms_norm_reference.h"

#include <cmath>

#include "common/base/float16.h"

namespace chimera {
namespace {

float Widen(float value) { return value; }
float Widen(uint16_t bits) { return Bf16ToFloat(bits); }

void Store(float value, float* element) { *element = value; }
void Store(float value, uint16_t* element) { *element = FloatToBf16(value); }

template <typename Residual>
void Reference(const RmsNormArguments<Residual>& arguments) {
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    Residual* residual = arguments.residual + row * arguments.size;
    double squares = 0;
    for (int i = 0; i < arguments.size; ++i) {
      float sum = 0;
      for (int64_t split = 0; split < arguments.split_count; ++split) {
        sum += arguments.partials[(split * arguments.row_count + row) * arguments.size + i];
      }
      Store(Widen(residual[i]) + sum, &residual[i]);
      squares += double{Widen(residual[i])} * Widen(residual[i]);
    }
    const double scale = 1 / std::sqrt(squares / arguments.size + double{arguments.epsilon});
    for (int i = 0; i < arguments.size; ++i) {
      const double output = Widen(residual[i]) * scale * arguments.weight[i];
      arguments.output[row * arguments.size + i] = FloatToBf16(static_cast<float>(output));
    }
  }
}

}  // namespace

void RmsNormKernelReference(const RmsNormArguments<float>& arguments) { Reference(arguments); }

void RmsNormKernelReference(const RmsNormArguments<uint16_t>& arguments) { Reference(arguments); }

}  // namespace chimera
