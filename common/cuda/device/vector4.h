// Four consecutive elements of a row as fp32, whichever type they are stored in: fp32, or bf16 as
// its bits.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_VECTOR4_H_
#define CHIMERA_COMMON_CUDA_DEVICE_VECTOR4_H_

#include "common/cuda/device/primitives.h"

namespace chimera::device {

inline constexpr int kVectorSize = 4;

struct Vector4 {
  float value[kVectorSize];
};

// Read at a multiple of 16 bytes for fp32 and of 8 bytes for bf16.
CHIMERA_DEVICE Vector4 LoadVector4(const float* elements) {
  const Words4 words = LoadWords4(elements);
  return {{BitsToFloat(words.word[0]), BitsToFloat(words.word[1]), BitsToFloat(words.word[2]),
           BitsToFloat(words.word[3])}};
}
CHIMERA_DEVICE Vector4 LoadVector4(const uint16_t* elements) {
  const Words2 words = LoadWords2(elements);
  return {{LowBf16(words.word[0]), HighBf16(words.word[0]), LowBf16(words.word[1]),
           HighBf16(words.word[1])}};
}

// Written likewise; returns what was stored, which for bf16 is rounded.
CHIMERA_DEVICE Vector4 StoreVector4(float* elements, const Vector4& vector) {
  StoreWords4(elements, {{FloatBits(vector.value[0]), FloatBits(vector.value[1]),
                          FloatBits(vector.value[2]), FloatBits(vector.value[3])}});
  return vector;
}
CHIMERA_DEVICE Vector4 StoreVector4(uint16_t* elements, const Vector4& vector) {
  const uint32_t first = PackBf16(vector.value[0], vector.value[1]);
  const uint32_t second = PackBf16(vector.value[2], vector.value[3]);
  StoreWords2(elements, {{first, second}});
  return {{LowBf16(first), HighBf16(first), LowBf16(second), HighBf16(second)}};
}

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_VECTOR4_H_
