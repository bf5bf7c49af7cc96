// Sixteen fp32 lanes in two AVX2 registers, for translation units built with -mavx2 -mfma -mf16c.
// See simd_portable.h for what each function does.
//
// Such units define no symbol that another unit might share: an inline function of theirs that the
// linker kept for all would fault on a processor without their instructions. So this header, and
// every kernel it is given to, keeps away from the inline functions of the standard library and of
// common/base, and what several units include is a template over one of theirs.

#ifndef CHIMERA_COMMON_CPU_SIMD_AVX2_H_
#define CHIMERA_COMMON_CPU_SIMD_AVX2_H_

#include <immintrin.h>

#include <cstdint>

#include "common/cpu/simd_lane_sums.h"

namespace chimera {

struct Avx2Simd {
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 8;
  struct Float {
    __m256 low, high;  // lanes 0-7 and 8-15
  };
  struct Int {
    __m256i low, high;
  };
  using Mask = Float;  // all bits of a lane set or clear

  static Float Set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Int SetInt(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static Float Load(const float* from) {
    return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
  static void Store(float* to, Float x) {
    _mm256_storeu_ps(to, x.low);
    _mm256_storeu_ps(to + 8, x.high);
  }
  static Float LoadHalf(const uint16_t* from) {
    return {_mm256_cvtph_ps(Load128(from)), _mm256_cvtph_ps(Load128(from + 8))};
  }
  static void StoreHalf(uint16_t* to, Float x) {
    constexpr int kNearestEven = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    Store128(to, _mm256_cvtps_ph(x.low, kNearestEven));
    Store128(to + 8, _mm256_cvtps_ph(x.high, kNearestEven));
  }
  static Float LoadBf16(const uint16_t* from) {
    return {WidenBf16(Load128(from)), WidenBf16(Load128(from + 8))};
  }
  static void StoreInt8(int8_t* to, Int x) {
    const __m256i words = _mm256_packs_epi32(x.low, x.high);  // in each half: 4 low, 4 high lanes
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0b11'01'10'00);
    Store128(
        to, _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
  }

  static Float Add(Float a, Float b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static Float Sub(Float a, Float b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  static Float Mul(Float a, Float b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static Float Div(Float a, Float b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  static Float Fma(Float a, Float b, Float c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static Float Abs(Float x) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, x.low), _mm256_andnot_ps(sign, x.high)};
  }
  static Int Bits(Float x) { return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)}; }
  static Float FromBits(Int x) { return {_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)}; }
  static Float ToFloat(Int x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  static Int AddInt(Int a, Int b) {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  static Int SubInt(Int a, Int b) {
    return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
  }
  template <int kBits>
  static Int ShiftLeft(Int x) {
    return {_mm256_slli_epi32(x.low, kBits), _mm256_slli_epi32(x.high, kBits)};
  }
  template <int kBits>
  static Int ShiftRight(Int x) {
    return {_mm256_srai_epi32(x.low, kBits), _mm256_srai_epi32(x.high, kBits)};
  }
  static Mask Less(Float a, Float b) {
    return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
  }
  static Mask IsNan(Float x) {
    return {_mm256_cmp_ps(x.low, x.low, _CMP_UNORD_Q), _mm256_cmp_ps(x.high, x.high, _CMP_UNORD_Q)};
  }
  static Float Select(Mask mask, Float yes, Float no) {
    return {_mm256_blendv_ps(no.low, yes.low, mask.low),
            _mm256_blendv_ps(no.high, yes.high, mask.high)};
  }

  static Float SwapPairs(Float x) {
    return {_mm256_permute_ps(x.low, 0b10'11'00'01), _mm256_permute_ps(x.high, 0b10'11'00'01)};
  }
  static void SumEachOfFour(const Float (&vectors)[4], float* to) {
    LaneSums<CpuIsa::kAvx2>::SumEachOfFour(AddHalves(vectors[0]), AddHalves(vectors[1]),
                                           AddHalves(vectors[2]), AddHalves(vectors[3]), to);
  }
  static float Sum(Float x) { return LaneSums<CpuIsa::kAvx2>::Sum(AddHalves(x)); }
  static int32_t SumInt(Int x) {
    const __m256i eight = _mm256_add_epi32(x.low, x.high);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0b01'00'11'10));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0b10'11'00'01));
    return _mm_cvtsi128_si32(sum);
  }
  static float Max(Float x) {
    const __m256 eight = _mm256_max_ps(x.low, x.high);
    __m128 largest = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    largest = _mm_max_ps(largest, _mm_movehl_ps(largest, largest));
    return _mm_cvtss_f32(_mm_max_ss(largest, _mm_movehdup_ps(largest)));
  }

 private:
  static __m128i Load128(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
  }
  static void Store128(void* to, __m128i x) { _mm_storeu_si128(static_cast<__m128i*>(to), x); }
  static __m256 WidenBf16(__m128i bits) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  // Lanes j and j + 8.
  static __m256 AddHalves(Float x) { return _mm256_add_ps(x.low, x.high); }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_SIMD_AVX2_H_
