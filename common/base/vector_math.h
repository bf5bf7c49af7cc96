// The arithmetic of deterministic_math.h for one lane or many: each function is written once, over
// a policy `S` that says what a vector is.
//
// A policy has the types Float and Int (equally many fp32 and int32 lanes), Mask, and the static
// functions used below. All are IEEE operations with round-to-nearest-even, so that every policy
// gives the same bits per lane. ScalarMath is the policy of one lane; the CPU kernels have wider
// ones. What is constexpr here is so because CUDA's compiler takes that for the device as well.

#ifndef CHIMERA_COMMON_BASE_VECTOR_MATH_H_
#define CHIMERA_COMMON_BASE_VECTOR_MATH_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace chimera {

// One lane. std::fma rounds once on every platform, with or without an instruction for it.
struct ScalarMath {
  using Float = float;
  using Int = int32_t;
  using Mask = bool;

  static constexpr Float Set(float x) { return x; }
  static constexpr Int SetInt(int32_t x) { return x; }
  static constexpr Float Add(Float a, Float b) { return a + b; }
  static constexpr Float Sub(Float a, Float b) { return a - b; }
  static constexpr Float Mul(Float a, Float b) { return a * b; }
  static constexpr Float Div(Float a, Float b) { return a / b; }
  static Float Fma(Float a, Float b, Float c) { return std::fma(a, b, c); }
  static constexpr Int Bits(Float x) { return std::bit_cast<int32_t>(x); }
  static constexpr Float FromBits(Int x) { return std::bit_cast<float>(x); }
  static constexpr Float ToFloat(Int x) { return static_cast<float>(x); }
  static constexpr Int AddInt(Int a, Int b) {
    return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  }
  static constexpr Int SubInt(Int a, Int b) {
    return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
  }
  template <int kBits>
  static constexpr Int ShiftLeft(Int x) {
    return static_cast<int32_t>(static_cast<uint32_t>(x) << kBits);
  }
  template <int kBits>
  static constexpr Int ShiftRight(Int x) {  // arithmetic
    return x >> kBits;
  }
  static constexpr Mask Less(Float a, Float b) { return a < b; }  // false if either is NaN
  static constexpr Mask IsNan(Float x) { return x != x; }
  static constexpr Float Select(Mask mask, Float yes, Float no) { return mask ? yes : no; }
};

namespace vector_math_internal {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kSmallestNormal = std::numeric_limits<float>::min();

// log(1 + f) + correction + exponent * ln 2 for 1 + f in [sqrt(1/2), sqrt(2)] and a correction
// far below one ulp of f. The polynomial is a minimax fit of (log(1 + f) - f + f^2 / 2) / f^3.
template <typename S>
constexpr typename S::Float LogOfReduced(typename S::Float f, typename S::Float exponent,
                                         typename S::Float correction) {
  typename S::Float p = S::Set(-0x1.38c0f2p-4f);
  p = S::Fma(p, f, S::Set(0x1.056474p-3f));
  p = S::Fma(p, f, S::Set(-0x1.0d876cp-3f));
  p = S::Fma(p, f, S::Set(0x1.22d910p-3f));
  p = S::Fma(p, f, S::Set(-0x1.5471f4p-3f));
  p = S::Fma(p, f, S::Set(0x1.99a010p-3f));
  p = S::Fma(p, f, S::Set(-0x1.000228p-2f));
  p = S::Fma(p, f, S::Set(0x1.555554p-2f));
  const typename S::Float square = S::Mul(f, f);
  typename S::Float tail = S::Fma(S::Mul(square, f), p, correction);
  tail = S::Fma(exponent, S::Set(0x1.7f7d1cp-20f), tail);  // ln 2 below its first 16 bits
  tail = S::Fma(S::Set(-0.5f), square, tail);
  return S::Fma(exponent, S::Set(0x1.62e4p-1f), S::Add(f, tail));
}

// Splits normal x > 0 into m * 2^exponent with m in [sqrt(1/2), sqrt(2)); returns m - 1.
template <typename S>
constexpr typename S::Float ReduceForLog(typename S::Float x, typename S::Int* exponent) {
  const typename S::Int sqrt_half = S::SetInt(0x3f3504f3);
  const typename S::Int bits = S::Bits(x);
  *exponent = S::template ShiftRight<23>(S::SubInt(bits, sqrt_half));
  const typename S::Int mantissa = S::SubInt(bits, S::template ShiftLeft<23>(*exponent));
  return S::Sub(S::FromBits(mantissa), S::Set(1.0f));
}

// Added to a float below 2^22 in magnitude, it rounds it to an integer n and leaves n in the low
// bits, in two's complement.
inline constexpr float kIntegerShifter = 0x1.8p23f;

// e^r * 2^n for |r| <= ln 2 / 2 and an integer n for which the result is normal.
template <typename S>
constexpr typename S::Float ScaledExpOfReduced(typename S::Float r, typename S::Float n) {
  // Minimax fit of (e^r - 1 - r) / r^2.
  typename S::Float p = S::Set(0x1.6a21a8p-10f);
  p = S::Fma(p, r, S::Set(0x1.123b6ap-7f));
  p = S::Fma(p, r, S::Set(0x1.5558fcp-5f));
  p = S::Fma(p, r, S::Set(0x1.555490p-3f));
  p = S::Fma(p, r, S::Set(0x1.fffffcp-2f));
  p = S::Fma(S::Mul(r, r), p, r);
  p = S::Add(p, S::Set(1.0f));
  // The low bits move into the exponent of p.
  const typename S::Int scale =
      S::template ShiftLeft<23>(S::Bits(S::Add(n, S::Set(kIntegerShifter))));
  return S::FromBits(S::AddInt(S::Bits(p), scale));
}

}  // namespace vector_math_internal

// ExpF per lane.
template <typename S>
constexpr typename S::Float VectorExp(typename S::Float x) {
  const typename S::Float shifter = S::Set(vector_math_internal::kIntegerShifter);
  const typename S::Float n =
      S::Sub(S::Fma(x, S::Set(0x1.715476p+0f), shifter), shifter);  // x / ln 2
  typename S::Float r = S::Fma(n, S::Set(-0x1.62e43p-1f), x);
  r = S::Fma(n, S::Set(0x1.05c61p-29f), r);
  typename S::Float y = vector_math_internal::ScaledExpOfReduced<S>(r, n);
  y = S::Select(S::Less(x, S::Set(-87.0f)), S::Set(0.0f), y);
  y = S::Select(S::Less(S::Set(88.0f), x), S::Set(vector_math_internal::kInfinity), y);
  return S::Select(S::IsNan(x), x, y);
}

// 2^x per lane, within 2 ulp for x in [-126, 128). Below -126 the result is exactly 0, from 128 on
// it is +inf; NaN stays NaN. Exact for integers.
template <typename S>
constexpr typename S::Float VectorExp2(typename S::Float x) {
  const typename S::Float shifter = S::Set(vector_math_internal::kIntegerShifter);
  const typename S::Float n = S::Sub(S::Add(x, shifter), shifter);
  const typename S::Float r = S::Mul(S::Sub(x, n), S::Set(0x1.62e43p-1f));  // ln 2
  typename S::Float y = vector_math_internal::ScaledExpOfReduced<S>(r, n);
  y = S::Select(S::Less(x, S::Set(-126.0f)), S::Set(0.0f), y);
  y = S::Select(S::Less(x, S::Set(128.0f)), y, S::Set(vector_math_internal::kInfinity));
  return S::Select(S::IsNan(x), x, y);
}

// LogF per lane.
template <typename S>
constexpr typename S::Float VectorLog(typename S::Float x) {
  const auto subnormal = S::Less(x, S::Set(vector_math_internal::kSmallestNormal));
  const typename S::Float scaled = S::Select(subnormal, S::Mul(x, S::Set(0x1p23f)), x);
  typename S::Int exponent;
  const typename S::Float f = vector_math_internal::ReduceForLog<S>(scaled, &exponent);
  const typename S::Float unscale = S::Select(subnormal, S::Set(-23.0f), S::Set(0.0f));
  typename S::Float y =
      vector_math_internal::LogOfReduced<S>(f, S::Add(S::ToFloat(exponent), unscale), S::Set(0.0f));
  const typename S::Float infinity = S::Set(vector_math_internal::kInfinity);
  const typename S::Float nan = S::Set(vector_math_internal::kNan);
  y = S::Select(S::Less(x, infinity), y, infinity);
  y = S::Select(S::Less(S::Set(0.0f), x), y, S::Sub(S::Set(0.0f), infinity));
  return S::Select(S::IsNan(x), nan, S::Select(S::Less(x, S::Set(0.0f)), nan, y));
}

// Log1pF per lane.
template <typename S>
constexpr typename S::Float VectorLog1p(typename S::Float x) {
  const typename S::Float u = S::Add(x, S::Set(1.0f));
  typename S::Int exponent;
  const typename S::Float f = vector_math_internal::ReduceForLog<S>(u, &exponent);
  // Below 1/2 the sum u is rounded; what it lost, relative to u, is added back. Close to 0 the
  // reduction is the identity, and x itself is exact.
  const typename S::Float lost = S::Div(S::Sub(x, S::Sub(u, S::Set(1.0f))), u);
  const auto near_zero = S::Less(S::Set(-0.29f), x);
  return vector_math_internal::LogOfReduced<S>(S::Select(near_zero, x, f), S::ToFloat(exponent),
                                               S::Select(near_zero, S::Set(0.0f), lost));
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_VECTOR_MATH_H_
