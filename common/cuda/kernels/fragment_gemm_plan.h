// How a linear layer is shared out over the blocks of a device: what of it decides about bits, and
// what does not.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_PLAN_H_
#define CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_PLAN_H_

#include <algorithm>
#include <cstdint>

namespace chimera {

// Both sizes of a weight matrix are multiples of this: the edge of a tensor core's tile.
inline constexpr int kFragmentSize = 16;

// Output features of a block that leaves partial sums.
inline constexpr int kFragmentBlockFeatures = 128;

inline constexpr int kMaxFragmentGemmSplits = 8;

// With more rows than this, the partial sums are added up by the kernel.
inline constexpr int kMaxFragmentPartialRows = 64;

// Into how many ranges of k a layer [output_size, input_size] is split: part of its arithmetic, so
// it depends on the layer alone, and changing it changes every model's bits.
//
// It is the number for which this cost is least, the smaller of equals:
//
//   slots of blocks in use * (k of a split + 128)
//
// 264 blocks run at a time (two on each of the 132 multiprocessors of an H100 or H200). They share
// the memory's bandwidth evenly, so it does not matter that some multiprocessors have one and some
// two, and time is as the number of blocks; but 128 are needed to use all of the bandwidth, so what
// is left after full rounds of 264 counts as 128 at least. 128 elements of k is what a block costs
// beside them: filling its pipeline, writing partial sums, and somebody's reading them. A split has
// at least 128.
constexpr int FragmentGemmSplits(int output_size, int input_size) {
  constexpr int64_t kRound = 264;
  constexpr int64_t kSaturatingBlocks = 128;
  constexpr int64_t kBlockOverhead = 128;  // in elements of k
  constexpr int kMinSplitSize = 128;
  const int64_t tiles = (output_size + kFragmentBlockFeatures - 1) / kFragmentBlockFeatures;
  int best = 1;
  int64_t least_cost = INT64_MAX;
  for (int splits = 1; splits <= kMaxFragmentGemmSplits; ++splits) {
    if (splits > 1 && input_size / splits < kMinSplitSize) break;
    const int64_t last_round = tiles * splits % kRound;
    const int64_t slots = tiles * splits - last_round +
                          (last_round == 0 ? 0 : std::max(last_round, kSaturatingBlocks));
    const int64_t cost = slots * (input_size / splits + kBlockOverhead);
    if (cost < least_cost) {
      least_cost = cost;
      best = splits;
    }
  }
  return best;
}

// The first k of a split, in tiles of kFragmentSize; of `split` = `split_count`, the end of the
// last one. Splits differ by one tile at most.
constexpr int FragmentSplitBegin(int split, int split_count, int input_size) {
  return input_size / kFragmentSize * split / split_count;
}

// How many partial sums of each element the kernel leaves for `row_count` rows.
constexpr int FragmentGemmOutputSplits(int row_count, int output_size, int input_size) {
  return row_count <= kMaxFragmentPartialRows ? FragmentGemmSplits(output_size, input_size) : 1;
}

// The elements of the output: what a buffer must hold, in floats.
constexpr int64_t FragmentGemmOutputElements(int row_count, int output_size, int input_size) {
  return int64_t{FragmentGemmOutputSplits(row_count, output_size, input_size)} * row_count *
         output_size;
}

// The shape of the kernel's blocks. It has no influence on bits.
enum class FragmentGemmTile {
  // As many rows at most, 128 features and one split a block: partial sums.
  kRows8,
  kRows16,
  kRows32,
  kRows64,
  kRows64Deep,  // with twice as many weights on their way, so that one block is enough for a
                // multiprocessor to have its share of the bandwidth
  // Any number of rows, as many and 128 or 256 features a block, which walks through all splits.
  kSummed64,
  kSummed128,
};

// The fastest tile for a number of rows, by design.
constexpr FragmentGemmTile ChooseFragmentGemmTile(int row_count, int output_size, int input_size) {
  constexpr int kMultiprocessors = 132;
  if (row_count <= 8) return FragmentGemmTile::kRows8;
  if (row_count <= 16) return FragmentGemmTile::kRows16;
  if (row_count <= 32) return FragmentGemmTile::kRows32;
  if (row_count <= kMaxFragmentPartialRows) {
    const int tiles = (output_size + kFragmentBlockFeatures - 1) / kFragmentBlockFeatures;
    return tiles * FragmentGemmSplits(output_size, input_size) <= kMultiprocessors
               ? FragmentGemmTile::kRows64Deep
               : FragmentGemmTile::kRows64;
  }
  // Large blocks read half as much for a product, if there are enough of them.
  constexpr int64_t kMinLargeBlocks = 96;
  const int64_t large_blocks = int64_t{(row_count + 127) / 128} * ((output_size + 255) / 256);
  return large_blocks >= kMinLargeBlocks ? FragmentGemmTile::kSummed128
                                         : FragmentGemmTile::kSummed64;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_PLAN_H_
