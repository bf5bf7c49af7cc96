#include "common/sampling/shared_noise_sampler.h"

#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "common/base/check.h"
#include "common/sampling/chunk_maxima.h"
#include "common/sampling/gumbel_noise.h"
#include "common/sampling/winning_word.h"

namespace chimera {
namespace {

struct Best {
  float score;
  int32_t token;
};

bool AnyAtMost(std::span<const uint32_t, NoiseRow::kChunk> words, uint32_t limit) {
  uint32_t any = 0;
  for (const uint32_t word : words) any |= word <= limit ? 1u : 0u;
  return any != 0;
}

// Argmax of row + noise, from the best logit's own score upwards. REQUIRES: row[top] is finite and
// the greatest of the row.
int32_t NoisyArgMax(std::span<const float> row, std::span<const float> maxima, int32_t top,
                    const NoiseRow& noise) {
  Best best = {row[top] + noise.Gumbel(top), top};
  std::array<uint32_t, NoiseRow::kChunk> words;
  for (size_t i = 0; i < maxima.size(); ++i) {
    std::optional<uint32_t> limit = GreatestWinningWord(best.score, maxima[i]);
    if (!limit.has_value()) continue;
    noise.Words(static_cast<int32_t>(i), words);
    if (!AnyAtMost(words, *limit)) continue;
    const std::span<const float> chunk = ChunkOf(row, i);
    for (size_t j = 0; j < chunk.size() && limit.has_value(); ++j) {
      const uint32_t word = words[NoiseRow::WordIndex(static_cast<int>(j))];
      if (word > *limit || chunk[j] == -std::numeric_limits<float>::infinity()) continue;
      const float score = chunk[j] + GumbelFromWord(word);
      const auto token = static_cast<int32_t>(i * NoiseRow::kChunk + j);
      if (score > best.score || (score == best.score && token < best.token)) {
        best = {score, token};
        limit = GreatestWinningWord(score, maxima[i]);
      }
    }
  }
  return best.token;
}

}  // namespace

int32_t SharedNoiseSampler::Sample(std::span<const float> logits, const SamplingParams& params,
                                   int64_t position) {
  CHIMERA_CHECK(!logits.empty());
  const std::span<const float> row = params.greedy() ? logits : filters_.Apply(logits, params);
  ChunkMaxima(row, &maxima_);
  const int32_t top = ArgMax(row, maxima_);
  if (params.greedy() || !std::isfinite(row[top])) return top;
  return NoisyArgMax(row, maxima_, top, NoiseRow(params.seed, position));
}

}  // namespace chimera
