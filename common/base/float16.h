// Conversions between fp32 and the two 16-bit floating-point formats, fp16 (IEEE 754 binary16) and
// bf16, held as their bits.
//
// Exact and portable. They give the bits that the instructions vcvtph2ps and vcvtps2ph (F16C) give,
// NaNs included, so that vector code may use those.

#ifndef CHIMERA_COMMON_BASE_FLOAT16_H_
#define CHIMERA_COMMON_BASE_FLOAT16_H_

#include <bit>
#include <cstdint>

namespace chimera {

// The value of fp16 bits; exact. A signalling NaN becomes quiet.
inline float HalfToFloat(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7fffu;
  if (magnitude > 0x7c00u) return std::bit_cast<float>(sign | 0x7fc00000u | magnitude << 13);
  if (magnitude == 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u);
  if (magnitude < 0x0400u) {  // zero or subnormal: a multiple of 2^-24
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
}

// The nearest fp16, ties to even; overflow gives infinity. A NaN stays NaN and becomes quiet.
inline uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) {  // 65520, half-way between the largest fp16 and 2^16
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) {
    // Below 2^-14 the result is subnormal. One ulp of fp32 in [0.5, 1) is 2^-24, the unit of
    // subnormal fp16, so this addition rounds to it.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    half = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f);
  } else {
    const uint32_t to_even = (magnitude >> 13) & 1u;
    half = (magnitude - (112u << 23) + 0xfffu + to_even) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

// The value of bf16 bits; exact.
inline float Bf16ToFloat(uint16_t bf16) {
  return std::bit_cast<float>(static_cast<uint32_t>(bf16) << 16);
}

// The nearest bf16, ties to even; overflow gives infinity. A NaN stays NaN and becomes quiet.
inline uint16_t FloatToBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_FLOAT16_H_
