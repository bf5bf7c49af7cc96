#include <cmath>

#include "common/ops/rope.h"

namespace chimera {

void RopeReference(const RopeTable& table, int64_t position, std::span<float> x) {
  const std::span<const float> cosines = table.cosines(position);
  const std::span<const float> sines = table.signed_sines(position);
  for (size_t head = 0; head < x.size(); head += table.head_dim()) {
    for (int32_t i = 0; i < table.head_dim(); i += 2) {
      const float a = x[head + i];
      const float b = x[head + i + 1];
      x[head + i] = std::fma(a, cosines[i], b * sines[i]);
      x[head + i + 1] = std::fma(b, cosines[i + 1], a * sines[i + 1]);
    }
  }
}

}  // namespace chimera
