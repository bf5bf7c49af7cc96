#include "common/cpu/weight_tiles.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/cpu/linear_task.h"
#include "common/ops/linear.h"

namespace chimera {
namespace {

constexpr int64_t kHalfBytes = 2;
constexpr int64_t kGroupBytes = 64;  // 4 bytes of each feature

// fp16 numbers in front of the integers in a file's block.
int64_t HeaderHalves(DataType type) { return type == DataType::kQ4_1 ? 2 : 1; }

bool IsQuantized(DataType type) { return BlockElements(type) == kQuantBlock; }

// 16 bytes of nibbles: element i low and i + 16 high become, in groups of 8 elements, the first 4
// low and the next 4 high.
void PackNibbles(const std::byte* from, int feature, std::byte* to) {
  std::byte elements[kQuantBlock];
  for (int i = 0; i < kQuantBlock / 2; ++i) {
    elements[i] = from[i] & std::byte{15};
    elements[i + kQuantBlock / 2] = from[i] >> 4;
  }
  for (int group = 0; group < 4; ++group) {
    std::byte* bytes = to + group * kGroupBytes + feature * 4;
    for (int i = 0; i < 4; ++i) {
      bytes[i] = elements[group * 8 + i] | elements[group * 8 + 4 + i] << 4;
    }
  }
}

void UnpackNibbles(const std::byte* from, int feature, std::byte* to) {
  std::byte elements[kQuantBlock];
  for (int group = 0; group < 4; ++group) {
    const std::byte* bytes = from + group * kGroupBytes + feature * 4;
    for (int i = 0; i < 4; ++i) {
      elements[group * 8 + i] = bytes[i] & std::byte{15};
      elements[group * 8 + 4 + i] = bytes[i] >> 4;
    }
  }
  for (int i = 0; i < kQuantBlock / 2; ++i) {
    to[i] = elements[i] | elements[i + kQuantBlock / 2] << 4;
  }
}

// One block of one feature, from the file's form to its places in a tile's block and back.
void PackBlock(DataType type, const std::byte* from, int feature, std::byte* to) {
  const int64_t values = TileValueBytes(type);
  for (int64_t i = 0; i < HeaderHalves(type); ++i, from += kHalfBytes) {
    std::memcpy(to + values + i * kTileScaleBytes + feature * kHalfBytes, from, kHalfBytes);
  }
  if (type != DataType::kQ8_0) return PackNibbles(from, feature, to);
  for (int group = 0; group < 8; ++group) {
    std::memcpy(to + group * kGroupBytes + feature * 4, from + group * 4, 4);
  }
}

void UnpackBlock(DataType type, const std::byte* from, int feature, std::byte* to) {
  const int64_t values = TileValueBytes(type);
  for (int64_t i = 0; i < HeaderHalves(type); ++i, to += kHalfBytes) {
    std::memcpy(to, from + values + i * kTileScaleBytes + feature * kHalfBytes, kHalfBytes);
  }
  if (type != DataType::kQ8_0) return UnpackNibbles(from, feature, to);
  for (int group = 0; group < 8; ++group) {
    std::memcpy(to + group * 4, from + group * kGroupBytes + feature * 4, 4);
  }
}

}  // namespace

int64_t TileBytes(DataType type, int64_t columns) {
  if (IsQuantized(type)) return columns / kQuantBlock * TileBlockBytes(type);
  return columns * kTileFeatures * BlockBytes(type);
}

int64_t TileCount(int64_t rows) { return (rows + kTileFeatures - 1) / kTileFeatures; }

void PackTile(const TensorView& weight, int64_t index, std::byte* tile) {
  const int64_t first = index * kTileFeatures;
  const int64_t count = std::min<int64_t>(kTileFeatures, weight.rows - first);
  const int64_t element_bytes = BlockBytes(weight.type);
  for (int feature = 0; feature < count; ++feature) {
    const std::byte* from = weight.row(first + feature).data();
    if (IsQuantized(weight.type)) {
      for (int64_t b = 0; b < weight.columns / kQuantBlock; ++b) {
        PackBlock(weight.type, from + b * element_bytes, feature,
                  tile + b * TileBlockBytes(weight.type));
      }
    } else {
      for (int64_t i = 0; i < weight.columns; ++i) {
        std::memcpy(tile + (i * kTileFeatures + feature) * element_bytes, from + i * element_bytes,
                    element_bytes);
      }
    }
  }
}

void UnpackFeature(DataType type, const std::byte* tile, int feature, std::span<float> output) {
  constexpr size_t kMaxBlockBytes = 64;
  const size_t block_bytes = BlockBytes(type);
  CHIMERA_CHECK(block_bytes <= kMaxBlockBytes) << DataTypeName(type);
  std::byte block[kMaxBlockBytes];
  const int64_t elements = BlockElements(type);
  for (int64_t b = 0; b < static_cast<int64_t>(output.size()) / elements; ++b) {
    if (IsQuantized(type)) {
      UnpackBlock(type, tile + b * TileBlockBytes(type), feature, block);
    } else {
      std::memcpy(block, tile + (b * kTileFeatures + feature) * block_bytes, block_bytes);
    }
    Dequantize(type, std::span(block, block_bytes), output.subspan(b * elements, elements));
  }
}

}  // namespace chimera
