#include <cmath>

#include "common/ops/lane_sum.h"
#include "common/ops/rms_norm.h"

namespace chimera {

void RmsNormReference(std::span<const float> x, std::span<const float> weight, float epsilon,
                      std::span<float> y) {
  std::array<float, kSumLanes> lanes = {};
  for (size_t i = 0; i < x.size(); ++i) {
    lanes[i % kSumLanes] = std::fma(x[i], x[i], lanes[i % kSumLanes]);
  }
  const float mean = SumLanes(lanes) / static_cast<float>(x.size());
  const float scale = 1.0f / std::sqrt(mean + epsilon);
  for (size_t i = 0; i < x.size(); ++i) y[i] = (x[i] * scale) * weight[i];
}

}  // namespace chimera
