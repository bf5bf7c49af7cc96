#include <immintrin.h>

#include "tools/cpu_bench/read_loop.h"

namespace chimera::cpu_bench_internal {
namespace {

struct Avx512Words {
  typedef uint64_t Vector __attribute__((vector_size(64)));
};

// Chains of sums: more than the cycles that dpbusd takes times those begun per cycle.
constexpr int kChains = 12;
constexpr int kVectorBytes = 64;
static_assert((2 * kChains + 1) * kVectorBytes <= kOperandBytes);

uint32_t Multiply(const int8_t* operands, int64_t round_count) {
  __m512i weights[kChains], sums[kChains];
  for (int i = 0; i < kChains; ++i) {
    weights[i] = _mm512_load_si512(operands + i * kVectorBytes);
    sums[i] = _mm512_load_si512(operands + (kChains + i) * kVectorBytes);
  }
  __m512i inputs = _mm512_load_si512(operands + 2 * kChains * kVectorBytes);
  for (; round_count > 0; --round_count) {
    // The compiler must not take the rounds for one and the same.
    asm volatile("" : "+v"(inputs));
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      sums[i] = _mm512_dpbusd_epi32(sums[i], weights[i], inputs);
    }
  }
  __m512i sum = sums[0];
  for (int i = 1; i < kChains; ++i) sum = _mm512_xor_si512(sum, sums[i]);
  alignas(kVectorBytes) uint32_t words[kVectorBytes / 4];
  _mm512_store_si512(words, sum);
  uint32_t result = 0;
  for (const uint32_t word : words) result ^= word;
  return result;
}

}  // namespace

constinit const IsaLoops kAvx512VnniLoops = {
    .read = ReadWords<Avx512Words>, .multiply = Multiply, .macs_per_round = kChains * kVectorBytes};

}  // namespace chimera::cpu_bench_internal
