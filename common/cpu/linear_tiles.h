// The loop over tiles and rows that all kernels for linear layers share.

#ifndef CHIMERA_COMMON_CPU_LINEAR_TILES_H_
#define CHIMERA_COMMON_CPU_LINEAR_TILES_H_

#include <cstddef>
#include <cstdint>

#include "common/cpu/linear_task.h"

namespace chimera {

// Rows whose activations stay in the second-level cache while the weights stream by.
inline constexpr int64_t kLinearGroupPanels = 16;

// Asks for memory that will be read soon. A kernel does so for the tiles after its own, block by
// block, so that memory works while the multipliers do; what lies behind the last tile is harmless.
// The kernel is a parameter so that no two instruction sets share the function (simd_avx2.h).
template <typename TileKernel>
void PrefetchToL2(const std::byte* from, int64_t size) {
  constexpr int64_t kCacheLine = 64;
  for (int64_t i = 0; i < size; i += kCacheLine) __builtin_prefetch(from + i, 0, 2);
}

// Computes `kRows` rows of `panel` for `kTiles` tiles from `tile` on.
template <typename TileKernel, int kRows, int kTiles>
void RunTile(const LinearTask& task, int64_t tile, int64_t panel) {
  const std::byte* tiles = task.tiles + tile * task.tile_bytes;
  const int64_t feature = tile * kTileFeatures;
  const int64_t features = task.feature_count - feature;
  constexpr int kFeatures = kTiles * kTileFeatures;
  float* to = task.output + panel * kPanelRows * task.output_stride + feature;
  if (features >= kFeatures) {
    TileKernel::template Run<kRows, kTiles>(tiles, task.tile_bytes, task.x, panel, to,
                                            task.output_stride);
    return;
  }
  alignas(64) float result[kRows * kFeatures];
  TileKernel::template Run<kRows, kTiles>(tiles, task.tile_bytes, task.x, panel, result, kFeatures);
  for (int row = 0; row < kRows; ++row, to += task.output_stride) {
    for (int64_t i = 0; i < features; ++i) to[i] = result[row * kFeatures + i];
  }
}

template <typename TileKernel, int kTiles>
void RunPanel(const LinearTask& task, int64_t tile, int64_t panel) {
  switch (task.x.row_count - panel * kPanelRows) {
    case 1:
      return RunTile<TileKernel, 1, kTiles>(task, tile, panel);
    case 2:
      return RunTile<TileKernel, 2, kTiles>(task, tile, panel);
    case 3:
      return RunTile<TileKernel, 3, kTiles>(task, tile, panel);
    default:
      return RunTile<TileKernel, kPanelRows, kTiles>(task, tile, panel);
  }
}

// Runs a task. TileKernel::Run<kRows, kTiles>(tiles, tile_bytes, x, panel, output, stride) computes
// kRows rows of one panel for the features of kTiles tiles, 1 or TileKernel::kTilesAtOnce, each row
// as if it were alone; feature f of row r goes to output[r * stride + f].
template <typename TileKernel>
void RunTiles(const LinearTask& task) {
  constexpr int kTiles = TileKernel::kTilesAtOnce;
  const int64_t panels = (task.x.row_count + kPanelRows - 1) / kPanelRows;
  for (int64_t group = 0; group < panels; group += kLinearGroupPanels) {
    const int64_t left = panels - group;
    const int64_t end = group + (left < kLinearGroupPanels ? left : kLinearGroupPanels);
    int64_t tile = 0;
    for (; tile + kTiles <= task.tile_count; tile += kTiles) {
      for (int64_t p = group; p < end; ++p) RunPanel<TileKernel, kTiles>(task, tile, p);
    }
    for (; tile < task.tile_count; ++tile) {
      for (int64_t p = group; p < end; ++p) RunPanel<TileKernel, 1>(task, tile, p);
    }
  }
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_TILES_H_
