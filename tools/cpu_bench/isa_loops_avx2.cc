#include <immintrin.h>

#include "tools/cpu_bench/read_loop.h"

namespace chimera::cpu_bench_internal {
namespace {

struct Avx2Words {
  typedef uint64_t Vector __attribute__((vector_size(32)));
};

// Sums that do not wait for each other: with their weights, a product and the inputs they fit in
// the registers.
constexpr int kChains = 6;
constexpr int kVectorBytes = 32;

// The least that a dot product of bytes takes: maddubs and one addition in 16 bits, which here
// wraps.
void Accumulate(__m256i weights, __m256i inputs, __m256i* sum) {
  *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(weights, inputs));
}

uint32_t Multiply(const int8_t* operands, int64_t round_count) {
  const auto* vectors = reinterpret_cast<const __m256i*>(operands);
  const __m256i w0 = vectors[0], w1 = vectors[1], w2 = vectors[2];
  const __m256i w3 = vectors[3], w4 = vectors[4], w5 = vectors[5];
  __m256i s0 = vectors[6], s1 = vectors[7], s2 = vectors[8];
  __m256i s3 = vectors[9], s4 = vectors[10], s5 = vectors[11];
  __m256i inputs = vectors[12];
  for (; round_count > 0; --round_count) {
    // The compiler must not take the rounds' products for one and the same, nor move sums about.
    asm volatile("" : "+x"(inputs), "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5));
    Accumulate(w0, inputs, &s0);
    Accumulate(w1, inputs, &s1);
    Accumulate(w2, inputs, &s2);
    Accumulate(w3, inputs, &s3);
    Accumulate(w4, inputs, &s4);
    Accumulate(w5, inputs, &s5);
  }
  const __m256i sum = (s0 ^ s1) ^ (s2 ^ s3) ^ (s4 ^ s5);
  alignas(kVectorBytes) uint32_t words[kVectorBytes / 4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), sum);
  uint32_t result = 0;
  for (const uint32_t word : words) result ^= word;
  return result;
}

}  // namespace

constinit const IsaLoops kAvx2Loops = {
    .read = ReadWords<Avx2Words>, .multiply = Multiply, .macs_per_round = kChains * kVectorBytes};

}  // namespace chimera::cpu_bench_internal
