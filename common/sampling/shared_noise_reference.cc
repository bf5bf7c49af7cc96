#include "common/sampling/shared_noise_reference.h"

#include <algorithm>
#include <cmath>

#include "common/base/deterministic_math.h"
#include "common/sampling/gumbel_noise.h"
#include "common/sampling/softmax_weight.h"

namespace chimera {
namespace {

// Token 0 if all are NaN.
int32_t ArgMaxReference(std::span<const float> row) {
  size_t best = 0;
  for (size_t i = 1; i < row.size(); ++i) {
    if (row[i] > row[best] || (std::isnan(row[best]) && !std::isnan(row[i]))) best = i;
  }
  return static_cast<int32_t>(best);
}

std::vector<float> Scaled(std::span<const float> logits, float temperature) {
  std::vector<float> scaled;
  for (const float logit : logits) scaled.push_back(logit / temperature);
  return scaled;
}

}  // namespace

std::vector<int32_t> SurvivingTokensReference(std::span<const float> logits,
                                              const SamplingParams& params) {
  const std::vector<float> scaled = Scaled(logits, params.temperature);
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < scaled.size(); ++i) {
    if (!std::isnan(scaled[i])) tokens.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(tokens.begin(), tokens.end(),
                   [&](int32_t a, int32_t b) { return scaled[a] > scaled[b]; });
  const float greatest = scaled[tokens.front()];

  if (params.top_k > 0) tokens.resize(std::min<size_t>(tokens.size(), params.top_k));

  if (params.min_p > 0.0f) {
    const float least = LogF(params.min_p);
    std::erase_if(tokens, [&](int32_t token) { return scaled[token] - greatest < least; });
  }

  if (params.top_p < 1.0f) {
    uint64_t total = 0;
    for (const int32_t token : tokens) total += SoftmaxWeight(greatest - scaled[token]);
    const auto target = static_cast<uint64_t>(
        std::ceil(static_cast<double>(params.top_p) * static_cast<double>(total)));
    uint64_t sum = 0;
    size_t kept = 0;
    while (sum < target) {
      sum += SoftmaxWeight(greatest - scaled[tokens[kept++]]);
    }
    tokens.resize(kept);
  }
  return tokens;
}

int32_t SampleReference(std::span<const float> logits, const SamplingParams& params,
                        int64_t position) {
  if (params.greedy()) return ArgMaxReference(logits);
  const std::vector<float> scaled = Scaled(logits, params.temperature);
  const int32_t top = ArgMaxReference(scaled);
  if (!std::isfinite(scaled[top])) return top;

  const NoiseRow noise(params.seed, position);
  std::vector<int32_t> tokens = SurvivingTokensReference(logits, params);
  std::sort(tokens.begin(), tokens.end());
  int32_t best = tokens.front();
  float best_score = scaled[best] + noise.Gumbel(best);
  for (const int32_t token : tokens) {
    const float score = scaled[token] + noise.Gumbel(token);
    if (score > best_score) {
      best = token;
      best_score = score;
    }
  }
  return best;
}

}  // namespace chimera
