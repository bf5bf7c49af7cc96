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

namespace philox_internal {

inline constexpr int kRounds = 10;
// Multipliers of counter words 0 and 2, and what each round adds to the key words (the paper's
// section 4.2).
inline constexpr uint32_t kMultiplier0 = 0xD2511F53;
inline constexpr uint32_t kMultiplier2 = 0xCD9E8D57;
inline constexpr uint32_t kKeyStep0 = 0x9E3779B9;
inline constexpr uint32_t kKeyStep1 = 0xBB67AE85;

// The same rounds for kLanes counters: state[w][lane] is word w.
template <int kLanes>
constexpr void RunRounds(PhiloxKey key, uint32_t (&state)[4][kLanes]) {
  for (int round = 0; round < kRounds; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint64_t product0 = uint64_t{kMultiplier0} * state[0][lane];
      const uint64_t product2 = uint64_t{kMultiplier2} * state[2][lane];
      state[0][lane] = static_cast<uint32_t>(product2 >> 32) ^ state[1][lane] ^ key[0];
      state[1][lane] = static_cast<uint32_t>(product2);
      state[2][lane] = static_cast<uint32_t>(product0 >> 32) ^ state[3][lane] ^ key[1];
      state[3][lane] = static_cast<uint32_t>(product0);
    }
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
}

}  // namespace philox_internal

// The four random words of one counter. Constexpr, and so for CUDA's compiler, too.
constexpr PhiloxWords Philox4x32(const PhiloxCounter& counter, const PhiloxKey& key) {
  uint32_t state[4][1] = {{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}};
  philox_internal::RunRounds(key, state);
  return {state[0][0], state[1][0], state[2][0], state[3][0]};
}

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
