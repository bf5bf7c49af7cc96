// Linear layers with quantised weights (common/ops/linear.h) on AVX2, for translation units built
// with -mavx2 -mfma -mf16c. Integer sums are exact, so their order is free; the fp32 operations are
// those of the contract.

#ifndef CHIMERA_COMMON_CPU_LINEAR_AVX2_KERNEL_H_
#define CHIMERA_COMMON_CPU_LINEAR_AVX2_KERNEL_H_

#include <immintrin.h>

#include "common/cpu/linear_tiles.h"
#include "common/model/data_type.h"
#include "common/ops/linear.h"

namespace chimera {

// Vector helpers on halves of a tile: 8 features, in 32 bytes of each group of 64.
struct Avx2Half {
  static __m256i Load(const std::byte* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }
  static __m256 LoadScales(const std::byte* from) {
    return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(from)));
  }
  // Four activations, once per feature.
  static __m256i Broadcast4(const int8_t* from) {
    int32_t four;
    __builtin_memcpy(&four, from, sizeof(four));
    return _mm256_set1_epi32(four);
  }
  // Keeps the compiler from taking `sum`, one of several, apart again: it would reorder integer
  // additions, keep all their terms, and run out of registers.
  static __m256i Now(__m256i sum) {
    asm("" : "+x"(sum));
    return sum;
  }
};

// The integer dot products of one block for kRows rows and the halves of a tile.
template <DataType kType>
struct Avx2BlockDot;

// Nibbles are at most 15, so maddubs sums of two products stay below 15 * 127 * 2, and eight of
// them, a whole block, fit into 16 bits.
struct Avx2NibbleDot {
  template <int kRows>
  static void Run(const std::byte* block, const int8_t* values, __m256i (&dots)[kRows][2]) {
    const __m256i low_nibbles = _mm256_set1_epi8(15);
#pragma GCC unroll 8
    for (int64_t group = 0; group < 8; ++group) {
      __m256i nibbles[2];
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m256i both = Avx2Half::Load(block + group / 2 * 64 + half * 32);
        nibbles[half] =
            _mm256_and_si256(group % 2 == 0 ? both : _mm256_srli_epi16(both, 4), low_nibbles);
      }
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        const __m256i inputs = Avx2Half::Broadcast4(values + row * kQuantBlock + group * 4);
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          __m256i& dot = dots[row][half];
          const __m256i sum = _mm256_maddubs_epi16(nibbles[half], inputs);
          dot = group == 0 ? sum : Avx2Half::Now(_mm256_add_epi16(dot, sum));
        }
      }
    }
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (auto& row : dots) {
#pragma GCC unroll 2
      for (__m256i& dot : row) dot = _mm256_madd_epi16(dot, ones);
    }
  }
};

template <>
struct Avx2BlockDot<DataType::kQ4_0> : Avx2NibbleDot {};
template <>
struct Avx2BlockDot<DataType::kQ4_1> : Avx2NibbleDot {};

// maddubs wants one unsigned factor: |w| * (x with w's sign). |-128| is 128 as an unsigned byte,
// and 128 * 127 * 2 still fits into 16 bits; two such sums would not, so each is widened. Two
// logical operations move the sign, because _mm256_sign_epi8 competes with the multiplications.
template <>
struct Avx2BlockDot<DataType::kQ8_0> {
  template <int kRows>
  static void Run(const std::byte* block, const int8_t* values, __m256i (&dots)[kRows][2]) {
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
    for (int64_t group = 0; group < 8; ++group) {
      __m256i signs[2], magnitudes[2];
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m256i weights = Avx2Half::Load(block + group * 64 + half * 32);
        signs[half] = _mm256_cmpgt_epi8(_mm256_setzero_si256(), weights);
        magnitudes[half] = _mm256_abs_epi8(weights);
      }
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        const __m256i inputs = Avx2Half::Broadcast4(values + row * kQuantBlock + group * 4);
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          __m256i& dot = dots[row][half];
          const __m256i signed_inputs =
              _mm256_sub_epi8(_mm256_xor_si256(inputs, signs[half]), signs[half]);
          const __m256i sum =
              _mm256_madd_epi16(_mm256_maddubs_epi16(magnitudes[half], signed_inputs), ones);
          dot = group == 0 ? sum : Avx2Half::Now(_mm256_add_epi32(dot, sum));
        }
      }
    }
  }
};

template <DataType kType>
struct Avx2TileKernel {
  static constexpr int kTilesAtOnce = 1;
  static constexpr int kMostStreamedRows = 3;
  static constexpr int kValueBytes = TileValueBytes(kType);
  static constexpr int kBlockBytes = TileBlockBytes(kType);

  template <int kRows, int kTiles>
  static void Run(const std::byte* tile, const LinearTask& task, int64_t panel,
                  TilePrefetch prefetch, float* output, int64_t stride) {
    const ActivationView& x = task.x;
    __m256 sums[kRows][2];
#pragma GCC unroll 4
    for (auto& row : sums) row[0] = row[1] = _mm256_setzero_ps();
    const int64_t blocks = x.size / kQuantBlock;
    int64_t at = panel * blocks * kPanelRows;
    for (int64_t b = 0; b < blocks; ++b, at += kPanelRows, tile += kBlockBytes) {
      PrefetchBlock<Avx2TileKernel>(&prefetch);
      __m256i dots[kRows][2];
      Avx2BlockDot<kType>::Run(tile, x.values + at * kQuantBlock, dots);
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        AddBlock(tile + kValueBytes + half * 16, x, at, half, dots, sums);
      }
    }
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) {
      _mm256_storeu_ps(output + row * stride, sums[row][0]);
      _mm256_storeu_ps(output + row * stride + 8, sums[row][1]);
    }
  }

 private:
  // `scales` points at d of the half's features; m, where there is one, follows d of the tile.
  template <int kRows>
  static void AddBlock(const std::byte* scales, const ActivationView& x, int64_t at, int half,
                       const __m256i (&dots)[kRows][2], __m256 (&sums)[kRows][2]) {
    const __m256 scale = Avx2Half::LoadScales(scales);
    __m256 minimum = _mm256_setzero_ps();
    if constexpr (kType == DataType::kQ4_0) {
      minimum = _mm256_mul_ps(_mm256_set1_ps(-8.0f), scale);
    } else if constexpr (kType == DataType::kQ4_1) {
      minimum = Avx2Half::LoadScales(scales + kTileScaleBytes);
    }
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) {
      __m256& sum = sums[row][half];
      sum = _mm256_fmadd_ps(_mm256_mul_ps(scale, _mm256_broadcast_ss(x.scales + at + row)),
                            _mm256_cvtepi32_ps(dots[row][half]), sum);
      if constexpr (kType != DataType::kQ8_0) {
        sum = _mm256_fmadd_ps(minimum, _mm256_broadcast_ss(x.scaled_sums + at + row), sum);
      }
    }
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LINEAR_AVX2_KERNEL_H_
