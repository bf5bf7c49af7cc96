// Rows of queries, keys and values in shared memory, and the fragments that tensor cores take from
// them. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_FRAGMENTS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_FRAGMENTS_H_

#include <cstdint>

#include "common/cuda/device/primitives.h"

namespace chimera::attention {

using device::FragmentA;
using device::FragmentB;
using device::FragmentC;

// Rows and columns of the fragments.
inline constexpr int kFragmentRows = 16;
inline constexpr int kFragmentDepth = 16;
inline constexpr int kFragmentColumns = 8;

// Elements of 16 bytes, which are copied and loaded together.
inline constexpr int kPiece = 8;

// Where a matrix of rows of kHeadDim elements has piece `piece` of `row`. Pieces are permuted
// within their row, so that those of one place in 8 successive rows, which ldmatrix reads at a
// time, lie in different banks.
template <int kHeadDim>
CHIMERA_DEVICE int PieceElement(int row, int piece) {
  return row * kHeadDim + (piece ^ (row % 8)) * kPiece;
}

// From where a row has piece 0 or 1 to where it has the one 2 step pieces on. As PieceElement, with
// less arithmetic: multiples of 16 elements are not carried into the row.
CHIMERA_DEVICE int StepElement(int element, int step) { return element ^ step * 2 * kPiece; }

// Begins to copy rows 0 to row_count - 1 of the matrix, row i from element
// element_of(i) of `source` on, or zeros if that is negative. All kThreads threads of the block
// together. REQUIRES: row_count is a multiple of 16.
template <int kHeadDim, int kThreads, typename ElementOf>
CHIMERA_DEVICE void CopyRows(uint16_t* matrix, int row_count, const uint16_t* source,
                             const ElementOf& element_of) {
  constexpr int kPieces = kHeadDim / kPiece;
  constexpr int kRowStep = kThreads / kPieces;  // rows that are copied at a time
  static_assert(kRowStep % 8 == 0 && 16 % kRowStep == 0);
  const int piece = device::ThreadIndex() % kPieces;
  int row = device::ThreadIndex() / kPieces;
  uint16_t* to = matrix + PieceElement<kHeadDim>(row, piece);
  for (; row < row_count; row += kRowStep, to += kRowStep * kHeadDim) {
    const int64_t element = element_of(row);
    const uint16_t* const from = element < 0 ? source : source + element + piece * kPiece;
    device::CopyAsyncOrZero(to, from, element >= 0);
  }
}

// Fragments of two successive groups of columns.
struct FragmentPair {
  FragmentB low;
  FragmentB high;
};

CHIMERA_DEVICE FragmentPair SplitWords(const device::Words4& words) {
  return {{{words.word[0], words.word[1]}}, {{words.word[2], words.word[3]}}};
}

// Elements 16 step to 16 step + 15 of the 16 keys from `keys` on: each key is a column.
template <int kHeadDim>
CHIMERA_DEVICE FragmentPair LoadKeys(const uint16_t* keys, int step) {
  const int lane = device::LaneIndex();
  const int first = PieceElement<kHeadDim>(lane / 16 * 8 + lane % 8, lane / 8 % 2);
  return SplitWords(device::LoadMatrices4(keys + StepElement(first, step)));
}

// Elements 16 step to 16 step + 15 of the 16 values from `values` on: each element is a column.
template <int kHeadDim>
CHIMERA_DEVICE FragmentPair LoadValues(const uint16_t* values, int step) {
  const int lane = device::LaneIndex();
  const int first = PieceElement<kHeadDim>(lane % 16, lane / 16);
  return SplitWords(device::LoadMatrices4Transposed(values + StepElement(first, step)));
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_FRAGMENTS_H_
