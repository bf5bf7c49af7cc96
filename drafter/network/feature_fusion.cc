#include "drafter/network/feature_fusion.h"

#include "common/base/float16.h"

namespace chimera {

FeatureFusion::FeatureFusion(const DraftNetworkConfig& config, const FeatureFusionWeights& weights,
                             BufferArena* arena, RowProducts* products)
    : config_(config),
      products_(products),
      norms_(Widen(weights.norms)),
      weight_({weights.weight}, products->pool(), arena) {}

void FeatureFusion::Fuse(std::span<const uint16_t* const> states, float* output) {
  const int64_t size = config_.hidden_size;
  const int64_t taps = static_cast<int64_t>(config_.tapped_layers.size());
  const auto normalize = [&](int64_t row, float* input) {
    for (int64_t i = 0; i < taps * size; ++i) input[i] = Bf16ToFloat(states[row][i]);
    for (int64_t tap = 0; tap < taps; ++tap) {
      products_->kernels().rms_norm(input + tap * size, norms_.data() + tap * size, size,
                                    config_.rms_norm_epsilon, input + tap * size);
    }
  };
  products_->Multiply(weight_, static_cast<int64_t>(states.size()), normalize, output);
}

}  // namespace chimera
