// What a kernel for linear layers is given: repacked weights, a step's activations, where to write.

#ifndef CHIMERA_COMMON_CPU_LINEAR_TASK_H_
#define CHIMERA_COMMON_CPU_LINEAR_TASK_H_

#include <cstddef>
#include <cstdint>

#include "common/model/data_type.h"
#include "common/ops/linear.h"

namespace chimera {

// Output features of one tile, the unit of repacked weights.
inline constexpr int kTileFeatures = 16;

// Rows of one panel, the unit of quantised activations.
inline constexpr int kPanelRows = 4;

// Activations x [row_count, size] of a product. The quantised form holds kPanelRows rows of a block
// side by side, because a kernel computes them together; rows beyond row_count in the last panel
// are never read.
struct ActivationView {
  int64_t row_count = 0;
  int64_t size = 0;               // inputs k
  const float* floats = nullptr;  // [row_count, size]
  // Valid if the weight is quantised; panels = ceil(row_count / kPanelRows), see QuantizedRow.
  const int8_t* values = nullptr;      // [panels, size / 32, kPanelRows, 32]
  const float* scales = nullptr;       // [panels, size / 32, kPanelRows]
  const float* scaled_sums = nullptr;  // [panels, size / 32, kPanelRows]: scale * (float)sum
  const int32_t* sums = nullptr;       // [panels, size / 32, kPanelRows]
};

// Where one row's quantised form goes: its place in the first block of its panel. The next block is
// kPanelRows places on.
struct QuantizedRowTarget {
  int8_t* values = nullptr;
  float* scales = nullptr;
  float* scaled_sums = nullptr;
  int32_t* sums = nullptr;
};

// y = W x for a range of tiles of W and all rows of x. Formats of a tile of 16 features, k inputs;
// every kernel reads the same ones, "4 f + i" being byte i of feature f in a group of 64 bytes:
//
//   Q4_1: per block of 32 inputs 4 groups of 64 bytes, group j holding input 8 j + i in the low and
//         8 j + 4 + i in the high nibble of byte 4 f + i; then d [16] fp16, m [16] fp16
//   Q4_0: the same without m
//   Q8_0: per block 8 groups of 64 bytes, group j holding input 4 j + i in byte 4 f + i; then
//         d [16] fp16
//   F32, F16, BF16: [k, 16]

// Bytes of the integers of one block of a quantised tile, in front of its fp16 numbers.
constexpr int TileValueBytes(DataType type) {
  return kTileFeatures * kQuantBlock / (type == DataType::kQ8_0 ? 1 : 2);
}

// Bytes of d or m of one block.
inline constexpr int kTileScaleBytes = kTileFeatures * 2;

// Bytes of one block of a quantised tile.
constexpr int TileBlockBytes(DataType type) {
  return TileValueBytes(type) + (type == DataType::kQ4_1 ? 2 : 1) * kTileScaleBytes;
}

// A product to compute.
struct LinearTask {
  const std::byte* tiles = nullptr;  // tile after tile; 32-byte aligned, as every block is
  int64_t tile_bytes = 0;
  int64_t tile_count = 0;
  int64_t feature_count = 0;  // features of these tiles that exist; the last tile may be partial
  ActivationView x;
  float* output = nullptr;    // [x.row_count, output_stride], the first feature of the first tile
  int64_t output_stride = 0;  // floats from one row to the next
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_TASK_H_
