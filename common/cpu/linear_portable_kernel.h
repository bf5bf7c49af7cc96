// Linear layers with quantised weights (common/ops/linear.h) in plain C++.

#ifndef CHIMERA_COMMON_CPU_LINEAR_PORTABLE_KERNEL_H_
#define CHIMERA_COMMON_CPU_LINEAR_PORTABLE_KERNEL_H_

#include <cmath>

#include "common/base/float16.h"
#include "common/cpu/linear_tiles.h"
#include "common/model/data_type.h"
#include "common/ops/linear.h"

namespace chimera {

template <DataType kType>
struct PortableTileKernel {
  static constexpr int kTilesAtOnce = 1;
  static constexpr int kMostStreamedRows = INT32_MAX;  // no prefetching
  static constexpr bool kIsNibble = kType != DataType::kQ8_0;
  static constexpr int kValueBytes = TileValueBytes(kType);
  static constexpr int kBlockBytes = TileBlockBytes(kType);

  template <int kRows, int kTiles>
  static void Run(const std::byte* tile, const LinearTask& task, int64_t panel,
                  TilePrefetch /*prefetch*/, float* output, int64_t stride) {
    const ActivationView& x = task.x;
    for (int row = 0; row < kRows; ++row) {
      for (int feature = 0; feature < kTileFeatures; ++feature) output[row * stride + feature] = 0;
    }
    const int64_t blocks = x.size / kQuantBlock;
    for (int64_t b = panel * blocks; b < (panel + 1) * blocks; ++b, tile += kBlockBytes) {
      for (int feature = 0; feature < kTileFeatures; ++feature) {
        int weights[kQuantBlock];
        Unpack(tile, feature, weights);
        const float scale = LoadHalf(tile + kValueBytes + 2 * feature);
        for (int row = 0; row < kRows; ++row) {
          const int64_t at = b * kPanelRows + row;
          const float dot = static_cast<float>(Dot(weights, x.values + at * kQuantBlock));
          float& sum = output[row * stride + feature];
          sum = std::fma(scale * x.scales[at], dot, sum);
          if (kIsNibble) sum = std::fma(Minimum(tile, feature, scale), x.scaled_sums[at], sum);
        }
      }
    }
  }

 private:
  static float LoadHalf(const std::byte* from) {
    return HalfToFloat(*reinterpret_cast<const uint16_t*>(from));
  }

  static float Minimum(const std::byte* block, int feature, float scale) {
    if (kType == DataType::kQ4_0) return -8.0f * scale;
    return LoadHalf(block + kValueBytes + kTileScaleBytes + 2 * feature);
  }

  static void Unpack(const std::byte* block, int feature, int (&weights)[kQuantBlock]) {
    for (int i = 0; i < kQuantBlock; ++i) {
      if (kIsNibble) {
        const int both = std::to_integer<int>(block[i / 8 * 64 + feature * 4 + i % 4]);
        weights[i] = i % 8 < 4 ? both & 15 : both >> 4;
      } else {
        weights[i] = static_cast<int8_t>(block[i / 4 * 64 + feature * 4 + i % 4]);
      }
    }
  }

  static int Dot(const int (&weights)[kQuantBlock], const int8_t* values) {
    int dot = 0;
    for (int i = 0; i < kQuantBlock; ++i) dot += weights[i] * values[i];
    return dot;
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_PORTABLE_KERNEL_H_
