// Sixteen fp32 lanes in one AVX-512 register, for translation units built with -mavx512f -mavx512bw
// -mavx512vl. See simd_portable.h for what each function does, and simd_avx2.h for what such units
// keep away from.

#ifndef CHIMERA_COMMON_CPU_SIMD_AVX512_H_
#define CHIMERA_COMMON_CPU_SIMD_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "common/cpu/simd_lane_sums.h"

namespace chimera {

struct Avx512Simd {
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  using Float = __m512;
  using Int = __m512i;
  using Mask = __mmask16;

  static Float Set(float x) { return _mm512_set1_ps(x); }
  static Int SetInt(int32_t x) { return _mm512_set1_epi32(x); }
  static Float Load(const float* from) { return _mm512_loadu_ps(from); }
  static void Store(float* to, Float x) { _mm512_storeu_ps(to, x); }
  static Float LoadHalf(const uint16_t* from) { return _mm512_cvtph_ps(Load256(from)); }
  static void StoreHalf(uint16_t* to, Float x) {
    constexpr int kNearestEven = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(x, kNearestEven));
  }
  static Float LoadBf16(const uint16_t* from) {
    return FromBits(_mm512_slli_epi32(_mm512_cvtepu16_epi32(Load256(from)), 16));
  }
  static void StoreInt8(int8_t* to, Int x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(x));
  }

  static Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float Sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float Fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float Abs(Float x) { return _mm512_abs_ps(x); }
  static Int Bits(Float x) { return _mm512_castps_si512(x); }
  static Float FromBits(Int x) { return _mm512_castsi512_ps(x); }
  static Float ToFloat(Int x) { return _mm512_cvtepi32_ps(x); }
  static Int AddInt(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static Int SubInt(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  template <int kBits>
  static Int ShiftLeft(Int x) {
    return _mm512_slli_epi32(x, kBits);
  }
  template <int kBits>
  static Int ShiftRight(Int x) {
    return _mm512_srai_epi32(x, kBits);
  }
  static Mask Less(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static Mask IsNan(Float x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
  static Float Select(Mask mask, Float yes, Float no) {
    return _mm512_mask_blend_ps(mask, no, yes);
  }

  static Float SwapPairs(Float x) { return _mm512_permute_ps(x, 0b10'11'00'01); }
  static void SumEachOfFour(const Float (&vectors)[4], float* to) {
    LaneSums<CpuIsa::kAvx512Vnni>::SumEachOfFour(AddHalves(vectors[0]), AddHalves(vectors[1]),
                                                 AddHalves(vectors[2]), AddHalves(vectors[3]), to);
  }
  static float Sum(Float x) { return LaneSums<CpuIsa::kAvx512Vnni>::Sum(AddHalves(x)); }
  static int32_t SumInt(Int x) { return _mm512_reduce_add_epi32(x); }
  static float Max(Float x) { return _mm512_reduce_max_ps(x); }

 private:
  static __m256i Load256(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
  }
  // Lanes j and j + 8.
  static __m256 AddHalves(Float x) {
    const __m256d high = _mm512_extractf64x4_pd(_mm512_castps_pd(x), 1);
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm256_castpd_ps(high));
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_SIMD_AVX512_H_
