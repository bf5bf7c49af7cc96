#include "common/cpu/packed_linear.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/cpu/weight_tiles.h"
#include "common/ops/linear.h"

namespace chimera {
namespace {

CpuKernels::Linear KernelFor(const CpuKernels& kernels, DataType type) {
  switch (type) {
    case DataType::kF32:
      return kernels.linear_f32;
    case DataType::kF16:
      return kernels.linear_f16;
    case DataType::kBf16:
      return kernels.linear_bf16;
    case DataType::kQ8_0:
      return kernels.linear_q8_0;
    case DataType::kQ4_0:
      return kernels.linear_q4_0;
    case DataType::kQ4_1:
      return kernels.linear_q4_1;
  }
  CHIMERA_CHECK(false) << "data type " << static_cast<int>(type);
  return nullptr;
}

}  // namespace

PackedLinear::PackedLinear(std::span<const TensorView> weights, ThreadPool* pool,
                           BufferArena* arena) {
  CHIMERA_CHECK(!weights.empty());
  input_size_ = weights[0].columns;
  for (const TensorView& weight : weights) {
    CHIMERA_CHECK(weight.columns == input_size_) << weight.columns << " and " << input_size_;
    Part part;
    part.type = weight.type;
    part.feature_count = weight.rows;
    part.first_feature = output_size_;
    part.tile_count = TileCount(weight.rows);
    part.first_tile = tile_count_;
    part.tile_bytes = TileBytes(weight.type, weight.columns);
    std::byte* const tiles = arena->Take(part.tile_count * part.tile_bytes);
    part.tiles = tiles;
    pool->ParallelFor(part.tile_count, [&](int64_t begin, int64_t end, int) {
      for (int64_t tile = begin; tile < end; ++tile) {
        PackTile(weight, tile, tiles + tile * part.tile_bytes);
      }
    });
    output_size_ += part.feature_count;
    tile_count_ += part.tile_count;
    reads_quantized_ |= BlockElements(part.type) == kQuantBlock;
    parts_.push_back(part);
  }
}

void PackedLinear::Multiply(const CpuKernels& kernels, const ActivationView& x, ThreadPool* pool,
                            float* y) const {
  CHIMERA_CHECK(x.size == input_size_) << x.size << " inputs, not " << input_size_;
  pool->ParallelFor(tile_count_, [&](int64_t begin, int64_t end, int) {
    for (const Part& part : parts_) {
      const int64_t first = std::max(begin - part.first_tile, int64_t{0});
      const int64_t last = std::min(end - part.first_tile, part.tile_count);
      if (first < last) MultiplyTiles(kernels, x, part, first, last - first, y);
    }
  });
}

void PackedLinear::MultiplyFeatures(const CpuKernels& kernels, const ActivationView& x,
                                    int64_t first, int64_t count, float* y) const {
  const int64_t tile = first / kTileFeatures;
  for (size_t i = 0; i < parts_.size(); ++i) {
    // The processor takes a while to see that reading goes on elsewhere.
    if (i + 1 < parts_.size()) AskForTiles(parts_[i + 1], tile);
    MultiplyTiles(kernels, x, parts_[i], tile, count / kTileFeatures, y);
  }
}

void PackedLinear::AskForTiles(const Part& part, int64_t first) {
  constexpr int64_t kCacheLine = 64;
  constexpr int64_t kBytes = 8192;
  const std::byte* const from = part.tiles + first * part.tile_bytes;
  for (int64_t i = 0; i < kBytes; i += kCacheLine) __builtin_prefetch(from + i, 0, 2);
}

void PackedLinear::MultiplyTiles(const CpuKernels& kernels, const ActivationView& x,
                                 const Part& part, int64_t first, int64_t count, float* y) const {
  KernelFor(kernels, part.type)({.tiles = part.tiles + first * part.tile_bytes,
                                 .tile_bytes = part.tile_bytes,
                                 .tile_count = count,
                                 .feature_count = part.feature_count - first * kTileFeatures,
                                 .x = x,
                                 .output = y + part.first_feature + first * kTileFeatures,
                                 .output_stride = output_size_});
}

void PackedLinear::CopyRow(int64_t index, std::span<float> output) const {
  for (const Part& part : parts_) {
    const int64_t feature = index - part.first_feature;
    if (feature >= part.feature_count) continue;
    return UnpackFeature(part.type, part.tiles + feature / kTileFeatures * part.tile_bytes,
                         static_cast<int>(feature % kTileFeatures), output);
  }
  CHIMERA_CHECK(false) << "row " << index << " of " << output_size_;
}

}  // namespace chimera
