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

#include <cstdint>
#include <span>

#include "common/base/philox.h"

namespace chimera {

// The noise g of random word x: finite for every x, and never rising with x.
float GumbelFromWord(uint32_t word);

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
  PhiloxCounter CounterOf(int32_t token) const;

  PhiloxKey key_;
  uint64_t position_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_GUMBEL_NOISE_H_
