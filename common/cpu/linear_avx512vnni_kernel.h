// Linear layers with quantised weights (common/ops/linear.h) on AVX-512 VNNI, for translation units
// built with -mavx512f -mavx512vnni. One register holds the 16 features of a tile.

#ifndef CHIMERA_COMMON_CPU_LINEAR_AVX512VNNI_KERNEL_H_
#define CHIMERA_COMMON_CPU_LINEAR_AVX512VNNI_KERNEL_H_

#include <immintrin.h>

#include "common/cpu/linear_tiles.h"
#include "common/model/data_type.h"
#include "common/ops/linear.h"

namespace chimera {

struct Avx512Tile {
  static __m512i Load(const std::byte* from) { return _mm512_loadu_si512(from); }
  static __m512 LoadScales(const std::byte* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  // Four activations, once per feature.
  static __m512i Broadcast4(const int8_t* from) {
    int32_t four;
    __builtin_memcpy(&four, from, sizeof(four));
    return _mm512_set1_epi32(four);
  }
};

// Adds the integer dot products of one block to `dots`, for kRows rows and kTiles tiles.
template <DataType kType>
struct VnniBlockDot;

struct VnniNibbleDot {
  template <int kTiles, int kRows>
  static void Run(const std::byte* block, int64_t tile_bytes, const int8_t* values,
                  __m512i (&dots)[kTiles][kRows]) {
    const __m512i low_nibbles = _mm512_set1_epi8(15);
#pragma GCC unroll 4
    for (int64_t group = 0; group < 4; ++group) {
      __m512i low[kTiles], high[kTiles];
#pragma GCC unroll 2
      for (int tile = 0; tile < kTiles; ++tile) {
        const __m512i both = Avx512Tile::Load(block + tile * tile_bytes + group * 64);
        low[tile] = _mm512_and_si512(both, low_nibbles);
        high[tile] = _mm512_and_si512(_mm512_srli_epi32(both, 4), low_nibbles);
      }
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        const int8_t* inputs = values + row * kQuantBlock + group * 8;
        const __m512i first = Avx512Tile::Broadcast4(inputs);
        const __m512i second = Avx512Tile::Broadcast4(inputs + 4);
#pragma GCC unroll 2
        for (int tile = 0; tile < kTiles; ++tile) {
          __m512i& dot = dots[tile][row];
          dot = _mm512_dpbusd_epi32(dot, low[tile], first);
          dot = _mm512_dpbusd_epi32(dot, high[tile], second);
        }
      }
    }
  }
};

template <>
struct VnniBlockDot<DataType::kQ4_0> : VnniNibbleDot {};
template <>
struct VnniBlockDot<DataType::kQ4_1> : VnniNibbleDot {};

// dpbusd wants unsigned weights: w + 128. What that adds, 128 times the sum of the activations, was
// subtracted from `dots` before.
template <>
struct VnniBlockDot<DataType::kQ8_0> {
  template <int kTiles, int kRows>
  static void Run(const std::byte* block, int64_t tile_bytes, const int8_t* values,
                  __m512i (&dots)[kTiles][kRows]) {
    const __m512i sign_bits = _mm512_set1_epi8(-128);
#pragma GCC unroll 8
    for (int64_t group = 0; group < 8; ++group) {
      __m512i weights[kTiles];
#pragma GCC unroll 2
      for (int tile = 0; tile < kTiles; ++tile) {
        weights[tile] =
            _mm512_xor_si512(Avx512Tile::Load(block + tile * tile_bytes + group * 64), sign_bits);
      }
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        const __m512i inputs = Avx512Tile::Broadcast4(values + row * kQuantBlock + group * 4);
#pragma GCC unroll 2
        for (int tile = 0; tile < kTiles; ++tile) {
          dots[tile][row] = _mm512_dpbusd_epi32(dots[tile][row], weights[tile], inputs);
        }
      }
    }
  }
};

template <DataType kType>
struct VnniTileKernel {
  // A chain of dot products waits for itself; two tiles of four rows are chains enough, and use a
  // broadcast twice.
  static constexpr int kTilesAtOnce = 2;
  static constexpr int kMostStreamedRows = 2;
  static constexpr int kValueBytes = TileValueBytes(kType);
  static constexpr int kBlockBytes = TileBlockBytes(kType);

  template <int kRows, int kTiles>
  static void Run(const std::byte* tiles, const LinearTask& task, int64_t panel,
                  TilePrefetch prefetch, float* output, int64_t stride) {
    const ActivationView& x = task.x;
    const int64_t tile_bytes = task.tile_bytes;
    if (kTiles > 1 && kRows <= kMostStreamedRows && x.row_count <= kMostStreamedRows) {
      for (int tile = 0; tile < kTiles; ++tile) {
        Run<kRows, 1>(tiles + tile * tile_bytes, task, panel, prefetch,
                      output + tile * kTileFeatures, stride);
      }
      return;
    }
    __m512 sums[kTiles][kRows];
#pragma GCC unroll 2
    for (auto& tile_sums : sums) {
#pragma GCC unroll 4
      for (__m512& sum : tile_sums) sum = _mm512_setzero_ps();
    }
    const int64_t blocks = x.size / kQuantBlock;
    int64_t at = panel * blocks * kPanelRows;
    for (int64_t b = 0; b < blocks; ++b, at += kPanelRows, tiles += kBlockBytes) {
      PrefetchBlock<VnniTileKernel>(&prefetch);
      __m512i dots[kTiles][kRows];
#pragma GCC unroll 2
      for (int tile = 0; tile < kTiles; ++tile) {
#pragma GCC unroll 4
        for (int row = 0; row < kRows; ++row) {
          const int32_t start = kType == DataType::kQ8_0 ? -128 * x.sums[at + row] : 0;
          dots[tile][row] = _mm512_set1_epi32(start);
        }
      }
      VnniBlockDot<kType>::Run(tiles, tile_bytes, x.values + at * kQuantBlock, dots);
#pragma GCC unroll 2
      for (int tile = 0; tile < kTiles; ++tile) {
        AddBlock<kRows>(tiles + tile * tile_bytes + kValueBytes, x, at, dots[tile], sums[tile]);
      }
    }
#pragma GCC unroll 2
    for (int tile = 0; tile < kTiles; ++tile) {
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        _mm512_storeu_ps(output + row * stride + tile * kTileFeatures, sums[tile][row]);
      }
    }
  }

 private:
  // `scales` points at d of the tile's features; m, where there is one, follows.
  template <int kRows>
  static void AddBlock(const std::byte* scales, const ActivationView& x, int64_t at,
                       const __m512i (&dots)[kRows], __m512 (&sums)[kRows]) {
    const __m512 scale = Avx512Tile::LoadScales(scales);
    __m512 minimum = _mm512_setzero_ps();
    if constexpr (kType == DataType::kQ4_0) {
      minimum = _mm512_mul_ps(_mm512_set1_ps(-8.0f), scale);
    } else if constexpr (kType == DataType::kQ4_1) {
      minimum = Avx512Tile::LoadScales(scales + kTileScaleBytes);
    }
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) {
      sums[row] = _mm512_fmadd_ps(_mm512_mul_ps(scale, _mm512_set1_ps(x.scales[at + row])),
                                  _mm512_cvtepi32_ps(dots[row]), sums[row]);
      if constexpr (kType != DataType::kQ8_0) {
        sums[row] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(x.scaled_sums[at + row]), sums[row]);
      }
    }
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_AVX512VNNI_KERNEL_H_
