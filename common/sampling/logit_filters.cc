#include "common/sampling/logit_filters.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "common/base/check.h"
#include "common/base/deterministic_math.h"
#include "common/sampling/chunk_maxima.h"

namespace chimera {
namespace {

constexpr float kDropped = -std::numeric_limits<float>::infinity();

}  // namespace

int LogitFilters::BucketOf(float distance) {
  const float d = distance < kZeroWeightDistance ? distance : kZeroWeightDistance;
  return static_cast<int>(d * kBucketsPerUnit);
}

bool LogitFilters::Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

std::span<const float> LogitFilters::Apply(std::span<const float> logits,
                                           const SamplingParams& params) {
  CHIMERA_CHECK(!params.greedy());
  const bool filtered = params.top_k > 0 || params.min_p > 0.0f || params.top_p < 1.0f;
  if (params.temperature == 1.0f && !filtered) return logits;
  scaled_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) scaled_[i] = logits[i] / params.temperature;
  if (!filtered) return scaled_;

  ChunkMaxima(scaled_, &maxima_);
  const float greatest = *std::max_element(maxima_.begin(), maxima_.end());
  if (!std::isfinite(greatest)) return scaled_;
  if (params.top_k > 0) KeepTopK(static_cast<size_t>(params.top_k));
  if (params.min_p > 0.0f) KeepMinP(params.min_p, greatest);
  if (params.top_p < 1.0f) KeepTopP(params.top_p, greatest);
  return scaled_;
}

void LogitFilters::KeepTopK(size_t k) {
  // k chunks have a token at or above the k-th greatest chunk maximum, so the first k tokens are.
  float bound = kDropped;
  if (k <= maxima_.size()) {
    order_.assign(maxima_.begin(), maxima_.end());
    std::nth_element(order_.begin(), order_.begin() + (k - 1), order_.end(), std::greater<>());
    bound = order_[k - 1];
  }
  candidates_.clear();
  for (size_t chunk = 0; chunk < maxima_.size(); ++chunk) {
    if (maxima_[chunk] < bound) continue;
    size_t token = chunk * NoiseRow::kChunk;
    for (const float logit : ChunkOf(scaled_, chunk)) {
      if (logit >= bound) candidates_.push_back({logit, static_cast<int32_t>(token)});
      ++token;
    }
  }
  if (candidates_.size() > k) {
    std::nth_element(candidates_.begin(), candidates_.begin() + (k - 1), candidates_.end(), Before);
    candidates_.resize(k);
  }
  std::fill(scaled_.begin(), scaled_.end(), kDropped);
  for (const Candidate& candidate : candidates_) scaled_[candidate.token] = candidate.logit;
  ChunkMaxima(scaled_, &maxima_);
}

void LogitFilters::KeepMinP(float min_p, float greatest) {
  const float least = LogF(min_p);
  for (float& logit : scaled_) logit = logit - greatest >= least ? logit : kDropped;
  ChunkMaxima(scaled_, &maxima_);
}

void LogitFilters::KeepTopP(float top_p, float greatest) {
  const Candidate last = LastOfTopP(top_p, greatest);
  const auto kept_ties = scaled_.begin() + last.token + 1;
  for (auto it = scaled_.begin(); it != kept_ties; ++it) *it = *it >= last.logit ? *it : kDropped;
  for (auto it = kept_ties; it != scaled_.end(); ++it) *it = *it > last.logit ? *it : kDropped;
}

LogitFilters::Candidate LogitFilters::LastOfTopP(float top_p, float greatest) {
  const Masses mass = MassesByDistance(greatest);
  const uint64_t total = std::accumulate(mass.begin(), mass.end(), uint64_t{0});
  const uint64_t target = TopPTarget(top_p, total);
  uint64_t sum = 0;
  int bucket = 0;
  while (sum + mass[bucket] < target) sum += mass[bucket++];

  candidates_.clear();
  for (size_t chunk = 0; chunk < maxima_.size(); ++chunk) {
    if (BucketOf(greatest - maxima_[chunk]) > bucket) continue;
    size_t token = chunk * NoiseRow::kChunk;
    for (const float logit : ChunkOf(scaled_, chunk)) {
      if (BucketOf(greatest - logit) == bucket) {
        candidates_.push_back({logit, static_cast<int32_t>(token)});
      }
      ++token;
    }
  }
  std::sort(candidates_.begin(), candidates_.end(), Before);
  auto last = candidates_.begin();
  sum += SoftmaxWeight(greatest - last->logit);
  while (sum < target) sum += SoftmaxWeight(greatest - (++last)->logit);
  return *last;
}

LogitFilters::Masses LogitFilters::MassesByDistance(float greatest) const {
  Masses mass = {};
  for (size_t chunk = 0; chunk < maxima_.size(); ++chunk) {
    if (greatest - maxima_[chunk] >= kZeroWeightDistance) continue;
    const std::span<const float> logits = ChunkOf(scaled_, chunk);
    std::array<float, NoiseRow::kChunk> weights;
    std::array<int32_t, NoiseRow::kChunk> buckets;
    for (size_t i = 0; i < logits.size(); ++i) {  // becomes vector instructions, the next cannot
      weights[i] = UnroundedSoftmaxWeight(greatest - logits[i]);
      buckets[i] = BucketOf(greatest - logits[i]);
    }
    for (size_t i = 0; i < logits.size(); ++i) mass[buckets[i]] += WholeSoftmaxWeight(weights[i]);
  }
  return mass;
}

}  // namespace chimera
