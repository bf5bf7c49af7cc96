// The input rows of a block of the fragment-streaming GEMM, stage by stage of k, in shared memory.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_INPUT_H_
#define CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_INPUT_H_

#include <cstdint>

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/fragment_gemm.h"

namespace chimera {

// kTokenTiles x 8 rows of kSteps x 16 elements, copied by kThreads threads. The 16-byte chunks of a
// row are swizzled, chunk c of row r lying at c ^ (r % 8): the eight rows that ldmatrix reads at
// once, and the chunks that a warp writes at once, lie in different banks.
template <int kTokenTiles, int kSteps, int kThreads>
struct FragmentGemmInput {
  static constexpr int kRows = kTokenTiles * 8;
  static constexpr int kChunksPerRow = kSteps * 2;
  static constexpr int kRowBytes = kChunksPerRow * 16;
  static constexpr int kBytes = kRows * kRowBytes;
  static constexpr int kRowsPerPass = kThreads / kChunksPerRow;
  static_assert(kChunksPerRow >= 8 && kThreads % kChunksPerRow == 0 && kRows % kRowsPerPass == 0);

  // Begins to copy `step_count` steps from `first_step` of the rows from `first_row`; zeros in
  // place of rows that there are not.
  static CHIMERA_DEVICE void Copy(const FragmentGemmArguments& gemm, int first_row, int first_step,
                                  int step_count, unsigned char* shared) {
    const int chunk = device::ThreadIndex() % kChunksPerRow;
    const int own_row = device::ThreadIndex() / kChunksPerRow;
    if (chunk >= step_count * 2) return;
    const uint16_t* const column = gemm.input + first_step * kFragmentSize + chunk * 8;
    CHIMERA_UNROLL
    for (int pass = 0; pass < kRows / kRowsPerPass; ++pass) {
      const int row = own_row + pass * kRowsPerPass;
      const bool is_valid = first_row + row < gemm.row_count;
      const int64_t source_row = is_valid ? first_row + row : 0;
      device::CopyAsyncOrZero(shared + row * kRowBytes + (chunk ^ row % 8) * 16,
                              column + source_row * gemm.input_size, is_valid);
    }
  }

  // Where the calling lane's row of ldmatrix begins for step 0 of token tile 0: what depends on the
  // lane, computed once.
  static CHIMERA_DEVICE int LaneOffset() {
    const int lane = device::LaneIndex();
    const int row = lane % 8 + (kTokenTiles > 1 ? lane / 16 * 8 : 0);
    return row * kRowBytes + (lane / 8 % 2 ^ lane % 8) * 16;
  }

  // Operands B of step `step` for two token tiles from `token_tile`, or for the only one. A step is
  // two chunks, so that the swizzle of its number is an exclusive or with what LaneOffset() says.
  static CHIMERA_DEVICE void Load(const unsigned char* shared, int lane_offset, int step,
                                  int token_tile, device::FragmentB* fragments) {
    const unsigned char* const address =
        shared + (lane_offset ^ step * 32) + token_tile * 8 * kRowBytes;
    if constexpr (kTokenTiles == 1) {
      fragments[0].words = device::LoadMatrices2(address);
    } else {
      const device::Words4 words = device::LoadMatrices4(address);
      fragments[0].words = {{words.word[0], words.word[1]}};
      fragments[1].words = {{words.word[2], words.word[3]}};
    }
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_INPUT_H_
