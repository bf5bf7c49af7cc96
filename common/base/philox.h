// Philox 4x32-10, the counter-based random number generator of Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3" (SC'11): ten rounds that turn a counter of four
// words and a key of two words into four random words. Any word of any stream can be computed at
// any time, in any order and on any device; there is no state.

#ifndef CHIMERA_COMMON_BASE_PHILOX_H_
#define CHIMERA_COMMON_BASE_PHILOX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace chimera {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;
using PhiloxWords = std::array<uint32_t, 4>;

// The key of a seed: its low half, then its high half.
constexpr PhiloxKey MakePhiloxKey(uint64_t seed) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
}

// The four random words of one counter.
PhiloxWords Philox4x32(const PhiloxCounter& counter, const PhiloxKey& key);

// Counters that Philox4x32Batch works on side by side, one vector lane each.
inline constexpr int kPhiloxBatch = 16;

// As Philox4x32 for kPhiloxBatch counters that differ in word 2 only, which holds counter[2],
// counter[2] + 1, ... (modulo 2^32). Word w of counter i lands at words[w * kPhiloxBatch + i]. With
// AVX2 where the processor has it.
void Philox4x32Batch(const PhiloxCounter& counter, const PhiloxKey& key,
                     std::span<uint32_t, size_t{4} * kPhiloxBatch> words);

// The same on any processor.
void PortablePhilox4x32Batch(const PhiloxCounter& counter, const PhiloxKey& key,
                             std::span<uint32_t, size_t{4} * kPhiloxBatch> words);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_PHILOX_H_
