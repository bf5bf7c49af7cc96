// The constants that fix in which order attention adds up. They are part of the numerics id: to
// change one is to change bits.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_SHAPE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_SHAPE_H_

namespace chimera {

// Positions whose weights share a maximum and go through tensor cores together.
inline constexpr int kAttentionTilePositions = 64;

// How far a tree reaches beyond the positions that are committed for certain: TokenTree::kMaxDepth.
inline constexpr int kAttentionMaxDepth = 15;

// The keys of the row at `position` are its bulk, those of positions below this, and its tail, the
// others, at most 31. Whichever tree the row is a node of, its bulk is committed.
constexpr int AttentionBulkEnd(int position) {
  return position < kAttentionMaxDepth ? 0 : (position - kAttentionMaxDepth) / 16 * 16;
}

// Positions of a chunk, whose sums are made apart from those of other chunks; chunks begin at
// multiples of it. Few heads need more chunks to keep a device busy.
constexpr int AttentionChunkPositions(int kv_head_count) { return kv_head_count >= 32 ? 256 : 128; }

// Rows of queries that a block of threads takes, a row of the step being as many of them as query
// heads share a kv head. Has no influence on bits, as little as the next.
inline constexpr int kAttentionBlockRows = 64;

// Columns in which a block can see the tails of its rows: 30 positions before a tree of 64 nodes,
// or before 64 positions.
inline constexpr int kAttentionTailColumns = 96;

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_SHAPE_H_
