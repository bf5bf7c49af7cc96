// The loop over tiles and rows that all kernels for linear layers share.

#ifndef CHIMERA_COMMON_CPU_LINEAR_TILES_H_
#define CHIMERA_COMMON_CPU_LINEAR_TILES_H_

#include "common/cpu/linear_task.h"

namespace chimera {

// Rows whose activations stay in the second-level cache while the weights stream by.
inline constexpr int64_t kLinearGroupPanels = 16;

// Computes `kRows` rows of `panel` for one tile and copies what exists of it to the output.
template <typename TileKernel, int kRows>
void RunTile(const LinearTask& task, int64_t tile, int64_t panel) {
  alignas(64) float result[kRows][kTileFeatures];
  TileKernel::template Run<kRows>(task.tiles + tile * task.tile_bytes, task.x, panel, result);
  const int64_t feature = tile * kTileFeatures;
  const int64_t left = task.feature_count - feature;
  const int64_t features = left < kTileFeatures ? left : kTileFeatures;
  float* to = task.output + panel * kPanelRows * task.output_stride + feature;
  for (int row = 0; row < kRows; ++row, to += task.output_stride) {
    for (int64_t i = 0; i < features; ++i) to[i] = result[row][i];
  }
}

template <typename TileKernel>
void RunPanel(const LinearTask& task, int64_t tile, int64_t panel) {
  switch (task.x.row_count - panel * kPanelRows) {
    case 1:
      return RunTile<TileKernel, 1>(task, tile, panel);
    case 2:
      return RunTile<TileKernel, 2>(task, tile, panel);
    case 3:
      return RunTile<TileKernel, 3>(task, tile, panel);
    default:
      return RunTile<TileKernel, kPanelRows>(task, tile, panel);
  }
}

// Runs a task. TileKernel::Run<kRows>(tile, x, panel, result) computes kRows rows of one panel for
// the 16 features of one tile, each row as if it were alone.
template <typename TileKernel>
void RunTiles(const LinearTask& task) {
  const int64_t panels = (task.x.row_count + kPanelRows - 1) / kPanelRows;
  for (int64_t group = 0; group < panels; group += kLinearGroupPanels) {
    const int64_t left = panels - group;
    const int64_t end = group + (left < kLinearGroupPanels ? left : kLinearGroupPanels);
    for (int64_t tile = 0; tile < task.tile_count; ++tile) {
      for (int64_t panel = group; panel < end; ++panel) RunPanel<TileKernel>(task, tile, panel);
    }
  }
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_TILES_H_
