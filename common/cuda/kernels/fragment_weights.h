// Weights of linear layers in the order in which tensor cores take them.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_WEIGHTS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_WEIGHTS_H_

#include <cstdint>
#include <span>

namespace chimera {

// A matrix W [rows, columns], both multiples of 16, is stored in tiles of 16 x 16,
//
//   [rows / 16][columns / 16][lane of a warp][8] bf16
//
// so that the 16 bytes of a lane are its operand A of mma.sync.m16n8k16 (FragmentA in
// common/cuda/device/primitives.h), a warp reads a tile as 512 bytes in a row, and the 16 rows of a
// tile are contiguous. It has as many elements as the matrix.

// Where element (row, column) of a matrix of `columns` columns is.
constexpr int64_t FragmentWeightIndex(int64_t row, int64_t column, int64_t columns) {
  const int64_t tile = row / 16 * (columns / 16) + column / 16;
  const int64_t lane = row % 8 * 4 + column % 8 / 2;
  const int64_t word = row % 16 / 8 + column % 16 / 8 * 2;
  return (tile * 32 + lane) * 8 + word * 2 + column % 2;
}

// Stores one row of a matrix of row.size() columns, rounded to bf16, into `packed`, which holds the
// whole matrix, or as many rows from one that is a multiple of 16; `row_index` counts from there.
// So a matrix can be packed, and sent to a device, 16 rows at a time. REQUIRES: row.size() is a
// multiple of 16, packed.size() of 16 rows; the row lies in `packed`.
void PackFragmentRow(std::span<const float> row, int64_t row_index, std::span<uint16_t> packed);

// The same for a row that is bf16 already.
void PackFragmentRow(std::span<const uint16_t> row, int64_t row_index, std::span<uint16_t> packed);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_WEIGHTS_H_
