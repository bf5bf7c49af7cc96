// Gumbel noise as a pure function of seed, position and token.
//
// A word x of Philox 4x32-10 becomes noise in fp32 operations, each rounded to nearest even:
//
//   u = min((float(x) + 0.5) * 2^-32, 1 - 2^-24)      in [2^-33, 1 - 2^-24]
//   E = -Log1pF(-u)                                   exponential, in [2^-33, 16.7]
//   g = -LogF(E)                                      Gumbel, in [-2.82, 22.9]
//
// u rises with x, so g falls. Without the clamp the largest 128 words would round to u = 1 and give
// -inf; the textbook -log(-log(u)) gives +inf for as many, and such a token wins whatever its
// logit.
//
// The word of token v at a position is word v mod 4 of the counter
//
//   {position low half, position high half, v / 4, choice index}
//
// under the key {seed low half, seed high half}. The choice index is 0: a request has one choice.

#ifndef CHIMERA_COMMON_SAMPLING_GUMBEL_NOISE_H_
#define CHIMERA_COMMON_SAMPLING_GUMBEL_NOISE_H_

#include <algorithm>
#include <cstdint>
#include <span>

#include "common/base/philox.h"
#include "common/base/vector_math.h"

namespace chimera {

// The noise g of random word x: finite for every x, and never rising with x. S is a policy of
// vector_math.h with one lane.
template <typename S>
constexpr float GumbelFromWordBy(uint32_t word) {
  constexpr float kGreatest = 1.0f - 0x1p-24f;
  const float u = std::min((static_cast<float>(word) + 0.5f) * 0x1p-32f, kGreatest);
  return -VectorLog<S>(-VectorLog1p<S>(-u));
}

// The same by ScalarMath.
float GumbelFromWord(uint32_t word);

// The counter of `token` and those that share it, at `position`.
constexpr PhiloxCounter NoiseCounter(uint64_t position, int32_t token) {
  return {static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32),
          static_cast<uint32_t>(token) / 4, 0};
}

// The random words and the noise of all tokens at one position. A plain value.
class NoiseRow {
 public:
  // Tokens that Words() covers at a time.
  static constexpr int kChunk = 4 * kPhiloxBatch;

  // `position` is that of the token being chosen. REQUIRES: position >= 0.
  NoiseRow(uint64_t seed, int64_t position);

  // The noise of `token`. REQUIRES: token >= 0.
  float Gumbel(int32_t token) const;

  // The words of tokens chunk * kChunk + i, i in [0, kChunk), at words[WordIndex(i)].
  void Words(int32_t chunk, std::span<uint32_t, kChunk> words) const;

  // Where Words() puts token i of a chunk.
  static constexpr int WordIndex(int i) { return i % 4 * kPhiloxBatch + i / 4; }

 private:
  PhiloxKey key_;
  uint64_t position_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_GUMBEL_NOISE_H_
