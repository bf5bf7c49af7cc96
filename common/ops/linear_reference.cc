#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/base/check.h"
#include "common/base/float16.h"
#include "common/ops/linear.h"

namespace chimera {
namespace {

float LoadHalf(const std::byte* from) {
  uint16_t half;
  std::memcpy(&half, from, sizeof(half));
  return HalfToFloat(half);
}

// One block of quantised weights, as the file has it.
struct WeightBlock {
  float scale = 0;
  float minimum = 0;
  int values[kQuantBlock];
};

void LoadNibbles(const std::byte* nibbles, WeightBlock* block) {
  for (int i = 0; i < kQuantBlock / 2; ++i) {
    const int both = std::to_integer<int>(nibbles[i]);
    block->values[i] = both & 15;
    block->values[i + kQuantBlock / 2] = both >> 4;
  }
}

WeightBlock LoadBlock(DataType type, const std::byte* bytes) {
  WeightBlock block;
  block.scale = LoadHalf(bytes);
  if (type == DataType::kQ8_0) {
    for (int i = 0; i < kQuantBlock; ++i) {
      block.values[i] = static_cast<int>(static_cast<int8_t>(bytes[2 + i]));
    }
  } else if (type == DataType::kQ4_0) {
    block.minimum = -8.0f * block.scale;
    LoadNibbles(bytes + 2, &block);
  } else {
    block.minimum = LoadHalf(bytes + 2);
    LoadNibbles(bytes + 4, &block);
  }
  return block;
}

float QuantizedDot(DataType type, std::span<const std::byte> weights, const QuantizedRow& x) {
  float sum = 0;
  for (size_t b = 0; b < x.scales.size(); ++b) {
    const WeightBlock block = LoadBlock(type, weights.data() + b * BlockBytes(type));
    int dot = 0;
    for (int i = 0; i < kQuantBlock; ++i) dot += block.values[i] * x.values[b * kQuantBlock + i];
    sum = std::fma(block.scale * x.scales[b], static_cast<float>(dot), sum);
    if (type != DataType::kQ8_0) {
      sum = std::fma(block.minimum, x.scales[b] * static_cast<float>(x.sums[b]), sum);
    }
  }
  return sum;
}

float FloatDot(DataType type, std::span<const std::byte> weights, std::span<const float> x) {
  std::vector<float> widened(x.size());
  Dequantize(type, weights, widened);
  float sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum = std::fma(widened[i], x[i], sum);
  return sum;
}

// Adding this rounds |x| < 2^22 to an integer, ties to even.
float RoundToInteger(float x) {
  constexpr float kShifter = 0x1.8p23f;
  return (x + kShifter) - kShifter;
}

}  // namespace

QuantizedRow QuantizeRowReference(std::span<const float> x) {
  CHIMERA_CHECK(x.size() % kQuantBlock == 0) << x.size() << " activations";
  QuantizedRow row;
  for (size_t begin = 0; begin < x.size(); begin += kQuantBlock) {
    float largest = 0;
    for (const float value : x.subspan(begin, kQuantBlock)) {
      if (largest < std::fabs(value)) largest = std::fabs(value);
    }
    const bool is_zero = largest < kMinQuantMagnitude;
    const float inverse = is_zero ? 0.0f : 127.0f / largest;
    int32_t sum = 0;
    for (const float value : x.subspan(begin, kQuantBlock)) {
      float scaled = RoundToInteger(std::clamp(value * inverse, -127.0f, 127.0f));
      if (std::isnan(scaled)) scaled = 0;
      row.values.push_back(static_cast<int8_t>(scaled));
      sum += row.values.back();
    }
    row.scales.push_back(is_zero ? 0.0f : largest / 127.0f);
    row.sums.push_back(sum);
  }
  return row;
}

void LinearReference(const TensorView& weight, std::span<const float> x, std::span<float> y) {
  CHIMERA_CHECK(static_cast<int64_t>(x.size()) == weight.columns &&
                static_cast<int64_t>(y.size()) == weight.rows)
      << weight.rows << " x " << weight.columns << " weight, " << x.size() << " inputs, "
      << y.size() << " outputs";
  if (BlockElements(weight.type) == kQuantBlock) {
    const QuantizedRow quantized = QuantizeRowReference(x);
    for (int64_t feature = 0; feature < weight.rows; ++feature) {
      y[feature] = QuantizedDot(weight.type, weight.row(feature), quantized);
    }
  } else {
    for (int64_t feature = 0; feature < weight.rows; ++feature) {
      y[feature] = FloatDot(weight.type, weight.row(feature), x);
    }
  }
}

}  // namespace chimera
