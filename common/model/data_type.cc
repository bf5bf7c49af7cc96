#include "common/model/data_type.h"

#include <cstring>

#include "common/base/check.h"
#include "common/base/float16.h"

namespace chimera {
namespace {

uint16_t Load16(const std::byte* from) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(from[0]) |
                               std::to_integer<unsigned>(from[1]) << 8);
}

void DequantizeQ8_0(const std::byte* block, float* output) {
  const float scale = HalfToFloat(Load16(block));
  for (int i = 0; i < 32; ++i) output[i] = scale * static_cast<int8_t>(block[2 + i]);
}

void DequantizeQ4_0(const std::byte* block, float* output) {
  const float scale = HalfToFloat(Load16(block));
  for (int i = 0; i < 16; ++i) {
    const int both = std::to_integer<int>(block[2 + i]);
    output[i] = scale * static_cast<float>((both & 15) - 8);
    output[i + 16] = scale * static_cast<float>((both >> 4) - 8);
  }
}

void DequantizeQ4_1(const std::byte* block, float* output) {
  const float scale = HalfToFloat(Load16(block));
  const float minimum = HalfToFloat(Load16(block + 2));
  for (int i = 0; i < 16; ++i) {
    const int both = std::to_integer<int>(block[4 + i]);
    output[i] = scale * static_cast<float>(both & 15) + minimum;
    output[i + 16] = scale * static_cast<float>(both >> 4) + minimum;
  }
}

void DequantizeBlock(DataType type, const std::byte* block, float* output) {
  switch (type) {
    case DataType::kF32:
      std::memcpy(output, block, sizeof(float));
      return;
    case DataType::kF16:
      *output = HalfToFloat(Load16(block));
      return;
    case DataType::kBf16:
      *output = Bf16ToFloat(Load16(block));
      return;
    case DataType::kQ8_0:
      return DequantizeQ8_0(block, output);
    case DataType::kQ4_0:
      return DequantizeQ4_0(block, output);
    case DataType::kQ4_1:
      return DequantizeQ4_1(block, output);
  }
}

}  // namespace

int64_t BlockElements(DataType type) {
  switch (type) {
    case DataType::kF32:
    case DataType::kF16:
    case DataType::kBf16:
      return 1;
    case DataType::kQ8_0:
    case DataType::kQ4_0:
    case DataType::kQ4_1:
      return 32;
  }
  CHIMERA_CHECK(false) << "data type " << static_cast<int>(type);
  return 0;
}

int64_t BlockBytes(DataType type) {
  switch (type) {
    case DataType::kF32:
      return 4;
    case DataType::kF16:
    case DataType::kBf16:
      return 2;
    case DataType::kQ8_0:
      return 2 + 32;
    case DataType::kQ4_0:
      return 2 + 16;
    case DataType::kQ4_1:
      return 2 + 2 + 16;
  }
  CHIMERA_CHECK(false) << "data type " << static_cast<int>(type);
  return 0;
}

absl::string_view DataTypeName(DataType type) {
  switch (type) {
    case DataType::kF32:
      return "F32";
    case DataType::kF16:
      return "F16";
    case DataType::kBf16:
      return "BF16";
    case DataType::kQ8_0:
      return "Q8_0";
    case DataType::kQ4_0:
      return "Q4_0";
    case DataType::kQ4_1:
      return "Q4_1";
  }
  CHIMERA_CHECK(false) << "data type " << static_cast<int>(type);
  return "";
}

void Dequantize(DataType type, std::span<const std::byte> bytes, std::span<float> output) {
  const size_t block_elements = BlockElements(type);
  const size_t block_bytes = BlockBytes(type);
  const size_t blocks = bytes.size() / block_bytes;
  CHIMERA_CHECK(blocks * block_bytes == bytes.size() && blocks * block_elements == output.size())
      << bytes.size() << " bytes of " << DataTypeName(type) << " for " << output.size()
      << " elements";
  for (size_t block = 0; block < blocks; ++block) {
    DequantizeBlock(type, &bytes[block * block_bytes], &output[block * block_elements]);
  }
}

}  // namespace chimera
