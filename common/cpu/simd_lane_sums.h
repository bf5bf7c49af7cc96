// Sums over the lanes of 256-bit registers: the last levels of the fixed tree that every reduction
// is (simd_portable.h). For the AVX2 and the AVX-512 unit alike; a template over the instruction
// set so that they share no symbol (simd_avx2.h).

#ifndef CHIMERA_COMMON_CPU_SIMD_LANE_SUMS_H_
#define CHIMERA_COMMON_CPU_SIMD_LANE_SUMS_H_

#include <immintrin.h>

#include "common/cpu/cpu_isa_type.h"

namespace chimera {

template <CpuIsa kIsa>
struct LaneSums {
  static float Sum(__m256 x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }

  // to[0..3] = the sums of a, b, c and d.
  static void SumEachOfFour(__m256 a, __m256 b, __m256 c, __m256 d, float* to) {
    const __m256 ab = AddHalves(a, b);  // a0 a1 a2 a3 | b0 b1 b2 b3
    const __m256 cd = AddHalves(c, d);
    const __m256 pairs =  // a0 a1 c0 c1 | b0 b1 d0 d1
        _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0b01'00'01'00),
                      _mm256_shuffle_ps(ab, cd, 0b11'10'11'10));
    const __m256 sums =  // a c a c | b d b d
        _mm256_add_ps(_mm256_permute_ps(pairs, 0b10'00'10'00),
                      _mm256_permute_ps(pairs, 0b11'01'11'01));
    _mm_storeu_ps(to,
                  _mm_unpacklo_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1)));
  }

 private:
  // Lanes j and j + 4 of a, then of b.
  static __m256 AddHalves(__m256 a, __m256 b) {
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_SIMD_LANE_SUMS_H_
