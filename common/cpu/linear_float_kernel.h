// Linear layers with F32, F16 or BF16 weights (common/ops/linear.h), sixteen features at a time.

#ifndef CHIMERA_COMMON_CPU_LINEAR_FLOAT_KERNEL_H_
#define CHIMERA_COMMON_CPU_LINEAR_FLOAT_KERNEL_H_

#include "common/cpu/linear_tiles.h"

namespace chimera {

// How a weight element is stored.
template <typename S>
struct F32Weights {
  using Element = float;
  static typename S::Float Load(const float* from) { return S::Load(from); }
};
template <typename S>
struct F16Weights {
  using Element = uint16_t;
  static typename S::Float Load(const uint16_t* from) { return S::LoadHalf(from); }
};
template <typename S>
struct Bf16Weights {
  using Element = uint16_t;
  static typename S::Float Load(const uint16_t* from) { return S::LoadBf16(from); }
};

template <typename S, typename Weights>
struct FloatTileKernel {
  static_assert(S::kLanes == kTileFeatures);

  static constexpr int kTilesAtOnce = 1;
  static constexpr int kMostStreamedRows = INT32_MAX;  // no prefetching
  static constexpr int kBlockBytes = 0;

  template <int kRows, int kTiles>
  static void Run(const std::byte* tile, const LinearTask& task, int64_t panel,
                  TilePrefetch /*prefetch*/, float* output, int64_t stride) {
    const ActivationView& x = task.x;
    const auto* weights = reinterpret_cast<const typename Weights::Element*>(tile);
    const float* input = x.floats + panel * kPanelRows * x.size;
    typename S::Float sums[kRows];
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) sums[row] = S::Set(0.0f);
    for (int64_t i = 0; i < x.size; ++i, weights += kTileFeatures) {
      const typename S::Float weight = Weights::Load(weights);
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        sums[row] = S::Fma(weight, S::Set(input[row * x.size + i]), sums[row]);
      }
    }
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) S::Store(output + row * stride, sums[row]);
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_FLOAT_KERNEL_H_
