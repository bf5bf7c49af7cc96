// The loop over tiles and rows that all kernels for linear layers share.

#ifndef CHIMERA_COMMON_CPU_LINEAR_TILES_H_
#define CHIMERA_COMMON_CPU_LINEAR_TILES_H_

#include <cstddef>
#include <cstdint>

#include "common/cpu/linear_task.h"

namespace chimera {

// Rows whose activations stay in the second-level cache while the weights stream by.
inline constexpr int64_t kLinearGroupPanels = 16;

// What a kernel asks of memory while it multiplies, so that both work: a share of the tiles that
// come after its own.
struct TilePrefetch {
  const std::byte* from = nullptr;
  int64_t block_bytes = 0;  // per block of inputs
};

// Asks for the share of one block. What lies behind the last tile is harmless. The kernel is a
// parameter so that no two instruction sets share the function (simd_avx2.h).
template <typename TileKernel>
void PrefetchBlock(TilePrefetch* prefetch) {
  constexpr int64_t kCacheLine = 64;
  for (int64_t i = 0; i < prefetch->block_bytes; i += kCacheLine) {
    __builtin_prefetch(prefetch->from + i, 0, 2);
  }
  prefetch->from += prefetch->block_bytes;
}

// The share of the panel that is number `index` of `count` panels computed with the tiles before
// `next`: every line is asked for once, and evenly over the time of all panels.
template <typename TileKernel, int kTiles>
TilePrefetch PanelPrefetch(const LinearTask& task, const std::byte* next, int64_t index,
                           int64_t count) {
  if (task.x.row_count <= TileKernel::kMostStreamedRows) return {};
  constexpr int64_t kCacheLine = 64;
  constexpr int64_t kLines = (kTiles * TileKernel::kBlockBytes + kCacheLine - 1) / kCacheLine;
  const int64_t bytes = (kLines + count - 1) / count * kCacheLine;
  const int64_t at = index * bytes * (task.x.size / kQuantBlock);
  if (at >= kTiles * task.tile_bytes) return {};
  return {.from = next + at, .block_bytes = bytes};
}

// Computes `kRows` rows of `panel` for `kTiles` tiles from `tile` on.
template <typename TileKernel, int kRows, int kTiles>
void RunTile(const LinearTask& task, int64_t tile, int64_t panel, TilePrefetch prefetch) {
  const std::byte* tiles = task.tiles + tile * task.tile_bytes;
  const int64_t feature = tile * kTileFeatures;
  const int64_t features = task.feature_count - feature;
  constexpr int kFeatures = kTiles * kTileFeatures;
  float* to = task.output + panel * kPanelRows * task.output_stride + feature;
  if (features >= kFeatures) {
    TileKernel::template Run<kRows, kTiles>(tiles, task, panel, prefetch, to, task.output_stride);
    return;
  }
  alignas(64) float result[kRows * kFeatures];
  TileKernel::template Run<kRows, kTiles>(tiles, task, panel, prefetch, result, kFeatures);
  for (int row = 0; row < kRows; ++row, to += task.output_stride) {
    for (int64_t i = 0; i < features; ++i) to[i] = result[row * kFeatures + i];
  }
}

// Computes the panels [begin, end) for `kTiles` tiles from `tile` on.
template <typename TileKernel, int kTiles>
void RunPanels(const LinearTask& task, int64_t tile, int64_t begin, int64_t end) {
  const std::byte* next = task.tiles + (tile + kTiles) * task.tile_bytes;
  for (int64_t p = begin; p < end; ++p) {
    const TilePrefetch prefetch =
        PanelPrefetch<TileKernel, kTiles>(task, next, p - begin, end - begin);
    switch (task.x.row_count - p * kPanelRows) {
      case 1:
        RunTile<TileKernel, 1, kTiles>(task, tile, p, prefetch);
        break;
      case 2:
        RunTile<TileKernel, 2, kTiles>(task, tile, p, prefetch);
        break;
      case 3:
        RunTile<TileKernel, 3, kTiles>(task, tile, p, prefetch);
        break;
      default:
        RunTile<TileKernel, kPanelRows, kTiles>(task, tile, p, prefetch);
    }
  }
}

// Runs a task. TileKernel::Run<kRows, kTiles>(tiles, task, panel, prefetch, output, stride)
// computes kRows rows of one panel for the features of kTiles tiles, 1 or TileKernel::kTilesAtOnce,
// each row as if it were alone; feature f of row r goes to output[r * stride + f]. Up to
// TileKernel::kMostStreamedRows rows, memory decides, and one stream without prefetching is what it
// does best.
template <typename TileKernel>
void RunTiles(const LinearTask& task) {
  constexpr int kTiles = TileKernel::kTilesAtOnce;
  const int64_t panels = (task.x.row_count + kPanelRows - 1) / kPanelRows;
  for (int64_t group = 0; group < panels; group += kLinearGroupPanels) {
    const int64_t left = panels - group;
    const int64_t end = group + (left < kLinearGroupPanels ? left : kLinearGroupPanels);
    int64_t tile = 0;
    for (; tile + kTiles <= task.tile_count; tile += kTiles) {
      RunPanels<TileKernel, kTiles>(task, tile, group, end);
    }
    for (; tile < task.tile_count; ++tile) RunPanels<TileKernel, 1>(task, tile, group, end);
  }
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_TILES_H_
