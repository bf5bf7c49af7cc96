#include "common/base/deterministic_math.h"
#include "common/ops/silu_mul.h"

namespace chimera {

void SiluMulReference(std::span<const float> gate, std::span<const float> up, std::span<float> y) {
  for (size_t i = 0; i < gate.size(); ++i) {
    y[i] = (gate[i] / (1.0f + ExpF(-gate[i]))) * up[i];
  }
}

}  // namespace chimera
