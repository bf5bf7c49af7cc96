// Shares out the attention of a step over blocks of threads.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_PLAN_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_PLAN_H_

#include <cstdint>
#include <span>

#include "common/tree/token_tree.h"

namespace chimera {

// The rows of one sequence in a step: a chunk of consecutive positions, whose keys and values are
// in the pages when attention runs, or a tree, node i being row first_row + i, whose keys and
// values, those of the root included, are in scratch pages.
struct AttentionSequence {
  // Position p is in page pages[p / kPageSlots]. Covers the committed positions and the chunk.
  std::span<const int32_t> pages = {};
  int32_t context_length = 0;  // committed positions, the first row's or the root's own is next
  int first_row = 0;           // of the step
  int row_count = 0;           // at least 1
  const TokenTree* tree = nullptr;  // null: a chunk
  // First of the pages that hold the nodes: node i is in KV slot scratch_page * kPageSlots + i.
  int32_t scratch_page = 0;
};

// What buffers are made for, once. All sequences of a step together have no more than this.
struct AttentionLimits {
  int sequences = 0;
  int rows = 0;   // padding does not count
  int pages = 0;  // entries of page tables
  // Rows of the workspace. With too few of them rows are computed with less parallelism, with none
  // at all each by one block per kv head.
  int partial_rows = 0;
};

struct AttentionPlannerOptions {
  int head_count = 0;  // a multiple of kv_head_count, at most kAttentionBlockRows times as many
  int kv_head_count = 0;
  AttentionLimits limits;
  // Blocks that the device runs at a time. Work is split until there is enough for them.
  int concurrent_blocks = 0;
  // Parts, chunks and the tail, from which on it is worth to compute them apart and to read them
  // once more.
  int min_split_parts = 3;
};

// A plan that has been written.
struct AttentionPlan {
  int size = 0;         // elements of the buffer that it takes, from the first on
  int work_count = 0;   // AttentionWork records, each once per kv head
  int merge_count = 0;  // rows that are merged from partial results
};

// Plans decide how attention is computed, never what: rows have the same bits whatever the options,
// limits, order and number of sequences. Immutable; may be used from any thread.
class AttentionPlanner {
 public:
  explicit AttentionPlanner(const AttentionPlannerOptions& options);

  // Elements of the largest plan within the limits.
  int64_t buffer_size() const;

  // Writes the plan of a step into `buffer`, in the format of attention_records.h. Kernels find all
  // they need in it, so that a captured graph serves any plan. Rows of the step that are in no
  // sequence are not computed. REQUIRES: sequences are within the limits and share no rows;
  // `buffer` has buffer_size() elements at least and is aligned to 16 bytes.
  AttentionPlan Plan(std::span<const AttentionSequence> sequences, std::span<int32_t> buffer) const;

 private:
  const AttentionPlannerOptions options_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_PLAN_H_
