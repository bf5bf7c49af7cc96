// What the threads of a block know of the work at hand. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_CONTEXT_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_CONTEXT_H_

#include <cstdint>

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_fragments.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/attention_softmax.h"
#include "common/cuda/kernels/tree_attention.h"

namespace chimera::attention {

// A warp for each 16 rows of queries of a block. It does all their keys: to share out keys would
// make sums depend on the number of rows.
inline constexpr int kWorkThreads = kAttentionBlockRows / kFragmentRows * kWarpSize;

// Keys or values of a tile of the bulk, of which some are on their way while others are used.
inline constexpr int kRingMatrices = 3;
template <int kHeadDim>
inline constexpr int kMatrixElements = kAttentionTilePositions* kHeadDim;

template <int kHeadDim>
struct WorkShared {
  // Keys and values of tiles in turn, or the keys and then the values of the tail.
  uint16_t ring[kRingMatrices * kMatrixElements<kHeadDim>];
  float merged[kHeadDim / 2][kWorkThreads];  // each thread's own
};
static_assert(2 * kAttentionTailColumns <= kRingMatrices * kAttentionTilePositions);

template <int kHeadDim>
struct WorkContext {
  const TreeAttentionArguments& arguments;
  const AttentionWork& work;
  WorkShared<kHeadDim>& shared;
  int kv_head;
  // The lane's rows of queries, g and g + 8 of the warp's, as [row, query head] from the first row
  // of the work on; -1 where there is none.
  int query[2];
  FragmentA queries[kHeadDim / kFragmentDepth];
  // Of the sums merged so far, whose values are in shared memory.
  float merged_maximum[2];
  float merged_total[2];

  // Of the step, and of the workspace.
  CHIMERA_DEVICE int64_t StepQuery(int i) const {
    return int64_t{work.first_row} * arguments.head_count + query[i];
  }
  CHIMERA_DEVICE int64_t PartialQuery(int i) const {
    return int64_t{work.first_partial_row} * arguments.head_count + query[i];
  }
  CHIMERA_DEVICE AttentionRow Row(int i) const {
    const auto* const rows = reinterpret_cast<const AttentionRow*>(arguments.plan + work.rows);
    return query[i] < 0 ? AttentionRow{} : rows[query[i] / arguments.head_count];
  }
};

// Rows of queries are numbered row by row of the step, and within one by its query heads.
CHIMERA_DEVICE int QueryOfLane(const TreeAttentionArguments& arguments, const AttentionWork& work,
                               int kv_head, int i) {
  const int group = arguments.head_count / arguments.kv_head_count;
  const int row = device::WarpIndex() * kFragmentRows + device::LaneIndex() / 4 + 8 * i;
  if (row >= work.row_count * group) return -1;
  return row / group * arguments.head_count + kv_head * group + row % group;
}

// Fills context->queries with the elements that a lane has of its rows: of each step 2 c, 2 c + 1
// and those 8 beyond, c = lane % 4.
template <int kHeadDim>
CHIMERA_DEVICE void LoadQueries(WorkContext<kHeadDim>* context) {
  CHIMERA_UNROLL
  for (int i = 0; i < 2; ++i) {
    const bool is_query = context->query[i] >= 0;
    const auto* const pairs = reinterpret_cast<const uint32_t*>(context->arguments.queries) +
                              (is_query ? context->StepQuery(i) * kHeadDim / 2 : 0);
    CHIMERA_UNROLL
    for (int j = 0; j < kHeadDim / kPiece; ++j) {
      context->queries[j / 2].words.word[j % 2 * 2 + i] =
          is_query ? pairs[j * 4 + device::LaneIndex() % 4] : 0;
    }
  }
}

// With nothing merged, and without the queries. `arguments` and `work` must outlive it.
template <int kHeadDim>
CHIMERA_DEVICE WorkContext<kHeadDim> MakeContext(const TreeAttentionArguments& arguments,
                                                 const AttentionWork& work, int kv_head) {
  return {arguments,
          work,
          device::SharedMemory<WorkShared<kHeadDim>>(),
          kv_head,
          {QueryOfLane(arguments, work, kv_head, 0), QueryOfLane(arguments, work, kv_head, 1)},
          {},
          {MaskedScore(), MaskedScore()},
          {0, 0}};
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_CONTEXT_H_
