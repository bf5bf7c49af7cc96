#include "drafter/network/residual_head.h"

#include <algorithm>

namespace chimera {

ResidualHead::ResidualHead(const DraftNetworkConfig& config, const ResidualHeadWeights& weights,
                           BufferArena* arena, RowProducts* products)
    : config_(config),
      products_(products),
      weight_({weights.weight}, products->pool(), arena),
      norm_(Widen(weights.norm)),
      embedding_({weights.embedding}, products->pool(), arena),
      vocabulary_(weights.vocabulary) {}

void ResidualHead::ProjectFeatures(int64_t count, const float* features, float* residuals) {
  const int64_t size = config_.hidden_size;
  const auto copy = [&](int64_t row, float* input) {
    std::copy_n(features + row * size, size, input);
  };
  products_->Multiply(weight_, count, copy, residuals);
}

void ResidualHead::Score(const float* encodings, std::span<const float* const> residuals,
                         float* logits) {
  const int64_t size = config_.hidden_size;
  const CpuKernels& kernels = products_->kernels();
  const auto add_and_normalize = [&](int64_t row, float* input) {
    std::copy_n(encodings + row * size, size, input);
    kernels.add_to(residuals[row], size, input);
    kernels.rms_norm(input, norm_.data(), size, config_.rms_norm_epsilon, input);
  };
  products_->Multiply(embedding_, static_cast<int64_t>(residuals.size()), add_and_normalize,
                      logits);
}

}  // namespace chimera
