#include "common/base/philox.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chimera {
namespace {

using philox_internal::kKeyStep0;
using philox_internal::kKeyStep1;
using philox_internal::kMultiplier0;
using philox_internal::kMultiplier2;
using philox_internal::kRounds;
using philox_internal::RunRounds;

#if defined(__x86_64__)

constexpr int kAvx2Lanes = 8;

// One register for each 8 counters: what one waits for, the other computes meanwhile.
constexpr int kRegisters = kPhiloxBatch / kAvx2Lanes;

struct Products {
  __m256i high, low;  // halves of each lane's product
};

[[gnu::target("avx2")]] inline Products Multiply(__m256i words, uint32_t multiplier) {
  const __m256i factor = _mm256_set1_epi32(static_cast<int>(multiplier));
  const __m256i even = _mm256_mul_epu32(words, factor);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(words, 32), factor);
  constexpr int kOddLanes = 0b10101010;
  return {.high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, kOddLanes),
          .low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), kOddLanes)};
}

// RunRounds, with state[w][i] in registers.
[[gnu::target("avx2")]] void BatchAvx2(const PhiloxCounter& counter, PhiloxKey key,
                                       uint32_t* words) {
  __m256i state[4][kRegisters];
  for (int i = 0; i < kRegisters; ++i) {
    for (int word = 0; word < 4; ++word) {
      state[word][i] = _mm256_set1_epi32(static_cast<int>(counter[word]));
    }
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    state[2][i] =
        _mm256_add_epi32(_mm256_add_epi32(state[2][i], lanes), _mm256_set1_epi32(kAvx2Lanes * i));
  }
  for (int round = 0; round < kRounds; ++round) {
    const __m256i key0 = _mm256_set1_epi32(static_cast<int>(key[0]));
    const __m256i key1 = _mm256_set1_epi32(static_cast<int>(key[1]));
#pragma GCC unroll 2
    for (int i = 0; i < kRegisters; ++i) {
      const Products from0 = Multiply(state[0][i], kMultiplier0);
      const Products from2 = Multiply(state[2][i], kMultiplier2);
      state[0][i] = _mm256_xor_si256(_mm256_xor_si256(from2.high, state[1][i]), key0);
      state[1][i] = from2.low;
      state[2][i] = _mm256_xor_si256(_mm256_xor_si256(from0.high, state[3][i]), key1);
      state[3][i] = from0.low;
    }
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
  for (int word = 0; word < 4; ++word) {
    for (int i = 0; i < kRegisters; ++i) {
      uint32_t* const to = words + word * kPhiloxBatch + i * kAvx2Lanes;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), state[word][i]);
    }
  }
}

#endif

}  // namespace

void Philox4x32Batch(const PhiloxCounter& counter, const PhiloxKey& key,
                     std::span<uint32_t, size_t{4} * kPhiloxBatch> words) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return BatchAvx2(counter, key, words.data());
#endif
  PortablePhilox4x32Batch(counter, key, words);
}

void PortablePhilox4x32Batch(const PhiloxCounter& counter, const PhiloxKey& key,
                             std::span<uint32_t, size_t{4} * kPhiloxBatch> words) {
  uint32_t state[4][kPhiloxBatch];
  for (int lane = 0; lane < kPhiloxBatch; ++lane) {
    state[0][lane] = counter[0];
    state[1][lane] = counter[1];
    state[2][lane] = counter[2] + static_cast<uint32_t>(lane);
    state[3][lane] = counter[3];
  }
  RunRounds(key, state);
  for (int word = 0; word < 4; ++word) {
    for (int lane = 0; lane < kPhiloxBatch; ++lane) {
      words[word * kPhiloxBatch + lane] = state[word][lane];
    }
  }
}

}  // namespace chimera
