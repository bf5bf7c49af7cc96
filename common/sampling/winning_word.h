// Which random words a token can still win with: what lets a sampler compute little of the noise.

#ifndef CHIMERA_COMMON_SAMPLING_WINNING_WORD_H_
#define CHIMERA_COMMON_SAMPLING_WINNING_WORD_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace chimera {

// The greatest random word with which a token of scaled logit `logit` could still reach `score`, or
// nothing if none could.
//
// Reaching it takes g >= d, d = score - logit, thus u <= E <= e^-d, thus x + 1/2 <= 2^(32 - bits)
// with bits = d / ln 2. `slack` covers every rounding on the way: that of noise, sum and difference
// are below 2^-22 of the values' size and 1e-4.
constexpr std::optional<uint32_t> GreatestWinningWord(float score, float logit) {
  if (logit == -std::numeric_limits<float>::infinity()) return std::nullopt;
  const float slack = (std::fabs(score) + std::fabs(logit)) * 0x1p-20f + 0x1p-6f;
  const float bits = (score - logit - slack) * 1.4426951f;
  if (bits >= 34.0f) return std::nullopt;  // beyond word 0, whose u is 2^-33
  constexpr uint32_t kGreatest = std::numeric_limits<uint32_t>::max();
  if (!(bits >= 1.0f)) return kGreatest;
  return bits >= 32.0f ? 0 : kGreatest >> static_cast<int>(bits);
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_WINNING_WORD_H_
