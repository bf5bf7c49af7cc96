// Sixteen fp32 lanes in plain C++, the same operations per lane as simd_avx2.h.
//
// Every kernel that is not about integer dot products is a template over such a type. It is also a
// policy of common/base/vector_math.h.

#ifndef CHIMERA_COMMON_CPU_SIMD_PORTABLE_H_
#define CHIMERA_COMMON_CPU_SIMD_PORTABLE_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "common/base/float16.h"
#include "common/base/vector_math.h"
#include "common/ops/lane_sum.h"

namespace chimera {

struct PortableSimd {
  static constexpr int kLanes = 16;
  // Floats that fit into the processor's registers.
  static constexpr int kRegisters = 8;
  using Float = std::array<float, kLanes>;
  using Int = std::array<int32_t, kLanes>;
  using Mask = std::array<bool, kLanes>;

  // f applied lane by lane.
  template <typename Result, typename F, typename... Vectors>
  static Result Map(F f, const Vectors&... vectors) {
    Result result;
    for (int lane = 0; lane < kLanes; ++lane) result[lane] = f(vectors[lane]...);
    return result;
  }

  static Float Set(float x) {
    Float result;
    result.fill(x);
    return result;
  }
  static Int SetInt(int32_t x) {
    Int result;
    result.fill(x);
    return result;
  }
  static Float Load(const float* from) {
    Float result;
    for (int lane = 0; lane < kLanes; ++lane) result[lane] = from[lane];
    return result;
  }
  static void Store(float* to, Float x) {
    for (const float lane : x) *to++ = lane;
  }
  // fp16 bits.
  static Float LoadHalf(const uint16_t* from) {
    Float result;
    for (int lane = 0; lane < kLanes; ++lane) result[lane] = HalfToFloat(from[lane]);
    return result;
  }
  static void StoreHalf(uint16_t* to, Float x) {  // rounds to nearest, ties to even
    for (const float lane : x) *to++ = FloatToHalf(lane);
  }
  // bf16 bits.
  static Float LoadBf16(const uint16_t* from) {
    Float result;
    for (int lane = 0; lane < kLanes; ++lane) result[lane] = Bf16ToFloat(from[lane]);
    return result;
  }
  // REQUIRES: every lane is in [-128, 127].
  static void StoreInt8(int8_t* to, Int x) {
    for (const int32_t lane : x) *to++ = static_cast<int8_t>(lane);
  }

  static Float Add(Float a, Float b) { return Map<Float>(ScalarMath::Add, a, b); }
  static Float Sub(Float a, Float b) { return Map<Float>(ScalarMath::Sub, a, b); }
  static Float Mul(Float a, Float b) { return Map<Float>(ScalarMath::Mul, a, b); }
  static Float Div(Float a, Float b) { return Map<Float>(ScalarMath::Div, a, b); }
  static Float Fma(Float a, Float b, Float c) { return Map<Float>(ScalarMath::Fma, a, b, c); }
  static Float Abs(Float x) {
    return Map<Float>([](float lane) { return std::fabs(lane); }, x);
  }
  static Int Bits(Float x) { return Map<Int>(ScalarMath::Bits, x); }
  static Float FromBits(Int x) { return Map<Float>(ScalarMath::FromBits, x); }
  static Float ToFloat(Int x) { return Map<Float>(ScalarMath::ToFloat, x); }
  static Int AddInt(Int a, Int b) { return Map<Int>(ScalarMath::AddInt, a, b); }
  static Int SubInt(Int a, Int b) { return Map<Int>(ScalarMath::SubInt, a, b); }
  template <int kBits>
  static Int ShiftLeft(Int x) {
    return Map<Int>(ScalarMath::ShiftLeft<kBits>, x);
  }
  template <int kBits>
  static Int ShiftRight(Int x) {  // arithmetic
    return Map<Int>(ScalarMath::ShiftRight<kBits>, x);
  }
  static Mask Less(Float a, Float b) { return Map<Mask>(ScalarMath::Less, a, b); }
  static Mask IsNan(Float x) { return Map<Mask>(ScalarMath::IsNan, x); }
  static Float Select(Mask mask, Float yes, Float no) {
    return Map<Float>(ScalarMath::Select, mask, yes, no);
  }

  // Lanes 2 i and 2 i + 1 exchanged.
  static Float SwapPairs(Float x) {
    for (int lane = 0; lane < kLanes; lane += 2) std::swap(x[lane], x[lane + 1]);
    return x;
  }
  // SumLanes of each vector, in to[0 .. 3].
  static void SumEachOfFour(const Float (&vectors)[4], float* to) {
    for (const Float& vector : vectors) *to++ = SumLanes(vector);
  }
  static float Sum(Float x) { return SumLanes(x); }
  static int32_t SumInt(Int x) {
    int32_t sum = 0;
    for (const int32_t lane : x) sum += lane;
    return sum;
  }
  // The largest lane; a NaN never counts.
  static float Max(Float x) {
    float largest = x[0];
    for (const float lane : x) largest = largest < lane ? lane : largest;
    return largest;
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_SIMD_PORTABLE_H_
