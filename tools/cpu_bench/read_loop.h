// The reading loop of every instruction set (isa_loops.h).

#ifndef CHIMERA_TOOLS_CPU_BENCH_READ_LOOP_H_
#define CHIMERA_TOOLS_CPU_BENCH_READ_LOOP_H_

#include <cstddef>
#include <cstdint>

#include "tools/cpu_bench/isa_loops.h"

namespace chimera::cpu_bench_internal {

// IsaLoops::read in vectors of 64-bit words, Isa::Vector. Isa is a type of the translation unit's
// own, so that no two instruction sets share the function.
template <typename Isa>
uint64_t ReadWords(const std::byte* from, int64_t size, int64_t stream_count) {
  using Vector = typename Isa::Vector;
  constexpr int kVectorBytes = sizeof(Vector);
  constexpr int kSums = 4;  // enough for no vector to wait for the one before it
  static_assert(kReadStep % (kSums * kVectorBytes) == 0);
  Vector sums[kSums] = {};
  const int64_t part = size / stream_count;
  for (int64_t at = 0; at < part; at += kReadStep) {
    for (int64_t stream = 0; stream < stream_count; ++stream) {
      const std::byte* step = from + stream * part + at;
#pragma GCC unroll 4
      for (int64_t i = 0; i < kReadStep; i += kSums * kVectorBytes) {
#pragma GCC unroll 4
        for (int j = 0; j < kSums; ++j) {
          Vector words;
          __builtin_memcpy(&words, step + i + j * kVectorBytes, sizeof(words));
          sums[j] ^= words;
        }
      }
    }
  }
  const Vector sum = (sums[0] ^ sums[1]) ^ (sums[2] ^ sums[3]);
  uint64_t words[kVectorBytes / 8];
  __builtin_memcpy(words, &sum, sizeof(words));
  uint64_t result = 0;
  for (const uint64_t word : words) result ^= word;
  return result;
}

}  // namespace chimera::cpu_bench_internal

#endif  // CHIMERA_TOOLS_CPU_BENCH_READ_LOOP_H_
