#include "tests/testing/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/base/check.h"
#include "common/base/float16.h"

namespace chimera::testing {
namespace {

void Append16(uint16_t value, std::string* bytes) {
  bytes->push_back(static_cast<char>(value & 0xff));
  bytes->push_back(static_cast<char>(value >> 8));
}

// Rounds a block's scale to fp16, as the file stores it, and appends it.
float AppendHalf(float value, std::string* bytes) {
  const uint16_t half = FloatToHalf(value);
  Append16(half, bytes);
  return HalfToFloat(half);
}

int NearestStep(float value, float scale, int lowest, int highest) {
  if (scale == 0.0f) return std::clamp(0, lowest, highest);
  return std::clamp(static_cast<int>(std::lround(value / scale)), lowest, highest);
}

float LargestMagnitude(std::span<const float> block) {
  float largest = 0.0f;
  for (const float value : block) largest = std::max(largest, std::fabs(value));
  return largest;
}

void AppendQ8_0(std::span<const float> block, std::string* bytes) {
  const float scale = AppendHalf(LargestMagnitude(block) / 127.0f, bytes);
  for (const float value : block) {
    bytes->push_back(static_cast<char>(NearestStep(value, scale, -127, 127)));
  }
}

// Element i + 16 shares a byte with element i.
template <typename ToStep>
void AppendNibbles(std::span<const float> block, ToStep to_step, std::string* bytes) {
  for (int i = 0; i < 16; ++i) {
    bytes->push_back(static_cast<char>(to_step(block[i]) | to_step(block[i + 16]) << 4));
  }
}

void AppendQ4_0(std::span<const float> block, std::string* bytes) {
  const float scale = AppendHalf(LargestMagnitude(block) / 7.0f, bytes);
  AppendNibbles(
      block, [scale](float value) { return NearestStep(value, scale, -8, 7) + 8; }, bytes);
}

void AppendQ4_1(std::span<const float> block, std::string* bytes) {
  const auto [lowest, highest] = std::minmax_element(block.begin(), block.end());
  const float scale = AppendHalf((*highest - *lowest) / 15.0f, bytes);
  const float minimum = AppendHalf(*lowest, bytes);
  AppendNibbles(
      block, [=](float value) { return NearestStep(value - minimum, scale, 0, 15); }, bytes);
}

void AppendBlock(DataType type, std::span<const float> block, std::string* bytes) {
  switch (type) {
    case DataType::kF32:
      bytes->append(reinterpret_cast<const char*>(block.data()), sizeof(float));
      return;
    case DataType::kF16:
      return Append16(FloatToHalf(block[0]), bytes);
    case DataType::kBf16:
      return Append16(FloatToBf16(block[0]), bytes);
    case DataType::kQ8_0:
      return AppendQ8_0(block, bytes);
    case DataType::kQ4_0:
      return AppendQ4_0(block, bytes);
    case DataType::kQ4_1:
      return AppendQ4_1(block, bytes);
  }
}

}  // namespace

std::string Quantize(DataType type, std::span<const float> values) {
  const size_t block_elements = BlockElements(type);
  CHIMERA_CHECK(values.size() % block_elements == 0) << values.size() << " elements";
  std::string bytes;
  for (size_t i = 0; i < values.size(); i += block_elements) {
    AppendBlock(type, values.subspan(i, block_elements), &bytes);
  }
  return bytes;
}

}  // namespace chimera::testing
