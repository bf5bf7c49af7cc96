// Element types of tensors in model files and their quantised block formats.

#ifndef CHIMERA_COMMON_MODEL_DATA_TYPE_H_
#define CHIMERA_COMMON_MODEL_DATA_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"

namespace chimera {

// The quantised types hold blocks of 32 elements (GGUF specification):
//   kQ8_0: fp16 d, int8 q[32];            w = d * q
//   kQ4_0: fp16 d, nibbles[16];           w = d * (q - 8)
//   kQ4_1: fp16 d, fp16 m, nibbles[16];   w = d * q + m
// Byte i of the nibbles holds element i in its low and element i + 16 in its high half.
enum class DataType { kF32, kF16, kBf16, kQ8_0, kQ4_0, kQ4_1 };

// Elements of one block; 1 for the types that are not quantised.
int64_t BlockElements(DataType type);

// Bytes of one block.
int64_t BlockBytes(DataType type);

// "F32", "Q4_1", ...
absl::string_view DataTypeName(DataType type);

// Writes the elements of whole blocks as fp32. REQUIRES: bytes is a whole number of blocks with
// output.size() elements.
void Dequantize(DataType type, std::span<const std::byte> bytes, std::span<float> output);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_DATA_TYPE_H_
