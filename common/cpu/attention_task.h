// What the attention kernel is given.

#ifndef CHIMERA_COMMON_CPU_ATTENTION_TASK_H_
#define CHIMERA_COMMON_CPU_ATTENTION_TASK_H_

#include <cstdint>

namespace chimera {

// kPagePositions of common/backend/backend.h, which the kernels keep away from (simd_avx2.h).
inline constexpr int kKvPagePositions = 16;

// Keys and values of kKvPagePositions positions. Keys lie so that one load takes the same element
// of all positions: their scores need no sum across lanes.
struct KvPage {
  const uint16_t* keys = nullptr;    // [head_dim, kKvPagePositions] fp16
  const uint16_t* values = nullptr;  // [kKvPagePositions, head_dim] fp16
};

// Key and value of one position.
struct KvNode {
  const uint16_t* key = nullptr;    // [head_dim] fp16
  const uint16_t* value = nullptr;  // [head_dim] fp16
};

// Query heads of one row that share a key/value head (common/ops/attention.h). Its positions are the
// first of the task's pages and then those of its nodes.
struct AttentionRow {
  const float* queries = nullptr;  // [head_count, head_dim]
  int64_t paged_count = 0;  // positions in pages; what the last page holds behind them is ignored
  const KvNode* nodes = nullptr;
  int64_t node_count = 0;
  float* output = nullptr;  // [head_count, head_dim]
};

// Rows of one sequence, with one key/value head.
struct AttentionTask {
  const AttentionRow* rows = nullptr;
  int64_t row_count = 0;
  int64_t head_count = 0;
  int64_t head_dim = 0;
  const KvPage* pages = nullptr;  // in position order, from position 0, for the longest row
  bool is_cold = false;           // the pages must come from memory: it helps to ask for them early
  float* weights = nullptr;       // scratch [AttentionScratchSize(most positions of a row)]
};

// Query heads, of one row or of several, that a kernel computes together: it loads and widens a key
// or value once for all of them.
inline constexpr int kAttentionHeadsAtOnce = 6;

// Rows that a kernel computes together.
constexpr int64_t AttentionRowsAtOnce(int64_t head_count) {
  return head_count < kAttentionHeadsAtOnce ? kAttentionHeadsAtOnce / head_count : 1;
}

// Floats of AttentionTask::weights.
constexpr int64_t AttentionScratchSize(int64_t position_count) {
  return kAttentionHeadsAtOnce *
         ((position_count + kKvPagePositions - 1) / kKvPagePositions * kKvPagePositions);
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_TASK_H_
