// The kernel of all that is heavy. For tree_attention.cu.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_WORK_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_WORK_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_bulk.h"
#include "common/cuda/kernels/attention_context.h"
#include "common/cuda/kernels/attention_copies.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/attention_results.h"
#include "common/cuda/kernels/attention_softmax.h"
#include "common/cuda/kernels/attention_tail.h"
#include "common/cuda/kernels/tree_attention.h"

namespace chimera::attention {

// Work goes to blocks in turn, each record once per kv head.
template <int kHeadDim>
struct AttentionWorkKernel {
  using Arguments = TreeAttentionArguments;
  using Shared = WorkShared<kHeadDim>;

  static constexpr int kThreads = kWorkThreads;
  // At most 168 registers and 40 KiB of shared memory, or 255 and 80 KiB.
  static constexpr int kBlocksPerMultiprocessor = kHeadDim == 64 ? 3 : 2;
  // log2(e) / sqrt(kHeadDim)
  static constexpr float kScale =
      static_cast<float>((kHeadDim == 64 ? 0.125 : 0.08838834764831845) * 1.4426950408889634);
  static_assert(kHeadDim == 64 || kHeadDim == 128);

  // REQUIRES: the copies of the first matrices have begun. Where its rows see nothing, a warp goes
  // along without computing.
  static CHIMERA_DEVICE void RunTiles(WorkContext<kHeadDim>* context) {
    const AttentionWork& work = context->work;
    const int bulk_end[2] = {context->Row(0).bulk_end, context->Row(1).bulk_end};
    int warp_end = bulk_end[0] < bulk_end[1] ? bulk_end[1] : bulk_end[0];
    CHIMERA_UNROLL
    for (int mask = 4; mask < kWarpSize; mask *= 2) {
      const int other = device::ShuffleXor(warp_end, mask);
      warp_end = warp_end < other ? other : warp_end;
    }
    auto part = Part<kHeadDim>::Empty();
    int tiles_of_part = 0;
    for (int tile = work.first_tile; tile < work.end_tile; ++tile) {
      const int index = 2 * (tile - work.first_tile);
      const int position = tile * kAttentionTilePositions;
      BulkWeights weights = {};
      const uint16_t* const keys = NextMatrix(*context, index);
      if (position < warp_end) {
        const int end_in_tile[2] = {bulk_end[0] - position, bulk_end[1] - position};
        weights = WeighTile<kHeadDim>(context->queries, keys, end_in_tile, kScale, &part);
      }
      const uint16_t* const values = NextMatrix(*context, index + 1);
      if (position < warp_end) AddTile<kHeadDim>(weights, values, &part);
      if (++tiles_of_part == work.chunk_tiles || tile + 1 == work.end_tile) {
        FinishPart(part, context);
        part = Part<kHeadDim>::Empty();
        tiles_of_part = 0;
      }
    }
  }

  // REQUIRES: the tail's copies have begun.
  static CHIMERA_DEVICE void RunTail(WorkContext<kHeadDim>* context) {
    const AttentionTail& tail = TailOf(*context);
    uint32_t visible[2][kTailWords];
    CHIMERA_UNROLL
    for (int i = 0; i < 2; ++i) {
      const AttentionRow row = context->Row(i);
      CHIMERA_UNROLL
      for (int word = 0; word < kTailWords; ++word) visible[i][word] = row.visible[word];
    }
    device::WaitForAsyncCopies<1>();
    device::SyncThreads();
    const TailWeights weights =
        WeighTail<kHeadDim>(context->queries, context->shared.ring, visible, kScale);
    device::WaitForAsyncCopies<0>();
    device::SyncThreads();
    FinishPart(SumTail<kHeadDim>(weights, TailValues(*context), tail.step_begins), context);
  }

  static CHIMERA_DEVICE void RunWork(const Arguments& arguments, const AttentionWork& work,
                                     int kv_head) {
    auto context = MakeContext<kHeadDim>(arguments, work, kv_head);
    const bool has_tiles = work.first_tile < work.end_tile;
    if (has_tiles) {
      for (int i = 0; i < kRingMatrices - 1; ++i) BeginMatrix(context, i);
    } else {
      BeginTail(context);
    }
    LoadQueries(&context);
    if (has_tiles) RunTiles(&context);
    if (work.tail >= 0) {
      if (has_tiles) {
        device::SyncThreads();  // the ring is free
        BeginTail(context);
      }
      RunTail(&context);
    }
    if (work.first_partial_row < 0) StoreOutput(context);
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    const auto& header = *reinterpret_cast<const AttentionHeader*>(arguments.plan);
    const auto* const works = reinterpret_cast<const AttentionWork*>(&header + 1);
    // The count is read each time, which takes no register in between.
    for (int i = device::BlockX(); i < header.work_count * arguments.kv_head_count;
         i += device::GridX()) {
      const AttentionWork work = works[i / arguments.kv_head_count];
      if (i == device::BlockX()) {
        device::WaitForPriorLaunch();
      } else {
        device::SyncThreads();  // shared memory is free
      }
      RunWork(arguments, work, i % arguments.kv_head_count);
    }
    device::WaitForPriorLaunch();  // for those without work
  }
};

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_WORK_H_
