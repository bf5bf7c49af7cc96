// What kernels read of the rows under way, as device addresses that do not change for a number of
// rows: captured graphs keep them.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_DRAFT_TABLES_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_DRAFT_TABLES_H_

#include <cstdint>

#include "common/cuda/kernels/window_attention.h"

namespace chimera {

// Rows at positions whose features the target gave. Padding: -1, positions 0.
struct ContextTables {
  const int32_t* tokens = nullptr;       // [rows, trigram_order], -1: none
  const int32_t* positions = nullptr;    // [rows]
  const int32_t* kv_slots = nullptr;     // [rows], in the windows
  const int32_t* newest_rows = nullptr;  // [rows], among those that are their context's newest
  const int32_t* z_rows = nullptr;       // [rows], the slot of the context if the row is its newest
};

// Rows that are encoded to their end: roots or nodes. Padding: -1, positions 0, and attends to
// nothing.
struct TreeTables {
  const int32_t* tokens = nullptr;  // [rows, trigram_order], -1: none; of nodes only
  // [rows] Of roots, the slot of the context; of nodes, the parent's row of encodings.
  const int32_t* input_rows = nullptr;
  const int32_t* positions = nullptr;             // [rows]
  const int32_t* kv_slots = nullptr;              // [rows], among the nodes; -1 for roots
  const int32_t* encoding_rows = nullptr;         // [rows], of encodings
  const int32_t* residual_rows = nullptr;         // [rows], of residuals
  const WindowAttentionRow* attention = nullptr;  // [rows]
};

// Rows that are scored, where there are several for one encoding. Padding: -1.
struct HeadTables {
  const int32_t* encoding_rows = nullptr;  // [rows], of encodings
  const int32_t* residual_rows = nullptr;  // [rows], of residuals
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_DRAFT_TABLES_H_
