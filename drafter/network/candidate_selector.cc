#include "drafter/network/candidate_selector.h"

#include <algorithm>
#include <cmath>

#include "common/sampling/chunk_maxima.h"
#include "common/sampling/gumbel_noise.h"

namespace chimera {
namespace {

// Tokens this far below the greatest logit are left out: all of them together rarely matter.
constexpr float kNearDistance = 10.0f;

}  // namespace

bool CandidateSelector::Before(const Scored& a, const Scored& b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

void CandidateSelector::ListNear(std::span<const float> row, float distance) {
  near_.clear();
  ChunkMaxima(row, &maxima_);
  const float least = row[ArgMax(row, maxima_)] - distance;
  for (size_t i = 0; i < maxima_.size(); ++i) {
    if (!(maxima_[i] >= least)) continue;
    const std::span<const float> chunk = ChunkOf(row, i);
    for (size_t j = 0; j < chunk.size(); ++j) {
      if (!(chunk[j] >= least)) continue;
      near_.push_back({chunk[j], static_cast<int32_t>(i * NoiseRow::kChunk + j)});
    }
  }
}

void CandidateSelector::Select(std::span<const float> logits, std::span<const int32_t> vocabulary,
                               const SamplingParams& sampling, int64_t position, int32_t count,
                               std::vector<TokenCandidate>* candidates) {
  candidates->clear();
  if (sampling.greedy()) {
    ListNear(logits, kNearDistance);
  } else {
    ListNear(filters_.Apply(logits, sampling), kNearDistance);
    const NoiseRow noise(sampling.seed, position);
    for (Scored& token : near_) token.score += noise.Gumbel(vocabulary[token.index]);
  }
  if (near_.empty()) return;
  const size_t kept = std::min<size_t>(count, near_.size());
  std::partial_sort(near_.begin(), near_.begin() + static_cast<std::ptrdiff_t>(kept), near_.end(),
                    Before);
  const float temperature = sampling.greedy() ? 1.0f : kNoisyTemperature;
  float total = 0;
  for (const Scored& token : near_) {
    total += UnroundedSoftmaxWeight((near_[0].score - token.score) / temperature);
  }
  for (size_t i = 0; i < kept; ++i) {
    const float weight = UnroundedSoftmaxWeight((near_[0].score - near_[i].score) / temperature);
    candidates->push_back({vocabulary[near_[i].index], weight / total});
  }
}

}  // namespace chimera
