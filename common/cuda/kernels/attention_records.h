// What an AttentionPlanner writes and the attention kernels read: a header, all work, and whatever
// these name by its offset, in elements of int32_t from the plan's begin. Records begin at
// multiples of 4 elements, page tables anywhere.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_RECORDS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_RECORDS_H_

#include <cstdint>

#include "common/cuda/kernels/attention_shape.h"

namespace chimera {

// At offset 0.
struct alignas(16) AttentionHeader {
  int32_t work_count = 0;
  int32_t merge_count = 0;
  int32_t merges = 0;  // offset of [merge_count] AttentionMerge
  int32_t unused = 0;
};

// What a block of threads does for one kv head, for up to kAttentionBlockRows rows of queries. Work
// begins behind the header, what takes longest first.
struct alignas(16) AttentionWork {
  int32_t first_row = 0;  // of the step
  int32_t row_count = 0;
  int32_t rows = 0;   // offset of [row_count] AttentionRow
  int32_t pages = 0;  // offset of the sequence's page table
  // Tiles of the bulk to do, from first_tile to before end_tile. Multiples of chunk_tiles end a
  // part.
  int32_t first_tile = 0;
  int32_t end_tile = 0;
  int32_t chunk_tiles = 0;
  int32_t bulk_end = 0;  // the greatest of the rows'
  int32_t tail = -1;     // offset of the rows' AttentionTail; -1: not to be done
  // Where the sums of the one chunk or of the tail go in the workspace; -1: this is all the work on
  // these rows, parts are merged here and the output is written.
  int32_t first_partial_row = -1;
  int32_t unused[2] = {};
};

struct alignas(16) AttentionRow {
  uint32_t visible[kAttentionTailColumns / 32] = {};  // bit c % 32 of word c / 32: tail column c
  int32_t bulk_end = 0;
};

// Columns are in order of their positions; those of nodes of equal depth, of which a row sees one
// at most, are neighbours and share a step.
struct alignas(16) AttentionTail {
  int32_t column_count = 0;
  uint32_t step_begins[kAttentionTailColumns / 32] = {};  // bits as in AttentionRow
  int32_t kv_slots[kAttentionTailColumns] = {};
};

// A row whose parts, chunks in order and the tail last, are rows of the workspace.
struct alignas(16) AttentionMerge {
  int32_t row = 0;  // of the step
  int32_t first_partial_row = 0;
  int32_t partial_row_step = 0;  // from one part to the next
  int32_t part_count = 0;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_RECORDS_H_
