// The rows of a sequence that a block of threads takes together, and what they see.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_BLOCKS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_BLOCKS_H_

#include <span>
#include <vector>

#include "common/cuda/kernels/attention_plan.h"
#include "common/cuda/kernels/attention_records.h"

namespace chimera {

struct AttentionBlock {
  const AttentionSequence* sequence = nullptr;
  int first = 0;  // row of the sequence
  int row_count = 0;
  int bulk_end = 0;            // the greatest of the rows'
  int chunk_count = 0;         // chunks up to there
  int first_partial_row = -1;  // of the workspace if it is split

  bool is_split() const { return first_partial_row >= 0; }
  int part_count() const { return chunk_count + 1; }
  // Pages that hold committed positions of the sequence and those of its chunk.
  int page_count() const;
};

// Divides the rows of `sequence`, which must outlive the blocks, into blocks of up to
// `rows_per_block`.
void AppendBlocks(const AttentionSequence& sequence, int rows_per_block, int chunk_positions,
                  std::vector<AttentionBlock>* blocks);

// The tail of a block, and in `rows` [block.row_count] what each row sees of it.
AttentionTail TailOf(const AttentionBlock& block, std::span<AttentionRow> rows);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_BLOCKS_H_
