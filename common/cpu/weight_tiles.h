// Repacking of a weight's rows into the tiles of linear_task.h.

#ifndef CHIMERA_COMMON_CPU_WEIGHT_TILES_H_
#define CHIMERA_COMMON_CPU_WEIGHT_TILES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/model/tensor_view.h"

namespace chimera {

// Bytes of one tile of a weight of `type` with `columns` inputs.
int64_t TileBytes(DataType type, int64_t columns);

// Tiles of a weight with `rows` output features.
int64_t TileCount(int64_t rows);

// Writes tile `index` of `weight` to `tile` [TileBytes], which is zero; features beyond weight.rows
// stay zero.
void PackTile(const TensorView& weight, int64_t index, std::byte* tile);

// Reads feature `feature` of a tile back as fp32, as Dequantize gives it. `output` has one element
// per input.
void UnpackFeature(DataType type, const std::byte* tile, int feature, std::span<float> output);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_WEIGHT_TILES_H_
