// Computes the parts of rows and merges them, or leaves them in the workspace. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_WORK_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_WORK_H_

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_bulk.h"
#include "common/cuda/kernels/attention_fragments.h"
#include "common/cuda/kernels/attention_merge.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/attention_softmax.h"
#include "common/cuda/kernels/attention_tail.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/tree_attention.h"

namespace chimera::attention {

// Work goes to blocks in turn, each record once per kv head. Each warp has 16 rows of queries for
// all their keys, for to share out keys would make sums depend on the number of rows. Rows of
// queries are numbered row by row of the step, and within one by its query heads.
template <int kHeadDim>
struct AttentionWorkKernel {
  using Arguments = TreeAttentionArguments;

  static constexpr int kThreads = 2 * kAttentionBlockRows;
  // At most 255 or 168 registers, and as many as shared memory allows.
  static constexpr int kBlocksPerMultiprocessor = kHeadDim == 64 ? 3 : 2;
  static constexpr int kRingMatrices = 3;
  static constexpr int kMatrixElements = kAttentionTilePositions * kHeadDim;
  static constexpr float kScale =
      static_cast<float>((kHeadDim == 64 ? 0.125 : 0.08838834764831845) * 1.4426950408889634);

  struct Shared {
    // Keys and values of tiles in turn, or the keys and then the values of the tail.
    uint16_t ring[kRingMatrices * kMatrixElements];
    float merged[kHeadDim / 2][kThreads];  // each thread's own
  };
  static_assert(kHeadDim == 64 || kHeadDim == 128);
  static_assert(2 * kAttentionTailColumns <= kRingMatrices * kAttentionTilePositions);

  static CHIMERA_DEVICE int RoundUp(int count, int unit) {
    return (count + unit - 1) / unit * unit;
  }

  // What all of the work has in common.
  struct Context {
    const Arguments& arguments;
    const AttentionWork& work;
    Shared& shared;
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

  static CHIMERA_DEVICE int QueryOfLane(const Arguments& arguments, const AttentionWork& work,
                                        int kv_head, int i) {
    const int group = arguments.head_count / arguments.kv_head_count;
    const int row = device::WarpIndex() * kFragmentRows + device::LaneIndex() / 4 + 8 * i;
    if (row >= work.row_count * group) return -1;
    return row / group * arguments.head_count + kv_head * group + row % group;
  }

  // As fragments: elements (row, 2 c), (row, 2 c + 1) and 8 beyond of each step, c = lane % 4.
  static CHIMERA_DEVICE void LoadQueries(Context* context) {
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

  // Begins matrix `index` of the bulk: the keys of the first tile, its values, the keys of the next
  // and so on. The elements of a page's head lie together.
  static CHIMERA_DEVICE void BeginMatrix(const Context& context, int index) {
    constexpr int kPieces = kHeadDim / kPiece;
    const int tile = context.work.first_tile + index / 2;
    if (tile < context.work.end_tile) {
      const Arguments& arguments = context.arguments;
      const uint16_t* const source = index % 2 == 0 ? arguments.keys : arguments.values;
      uint16_t* const matrix = context.shared.ring + index % kRingMatrices * kMatrixElements;
      CHIMERA_UNROLL
      for (int i = 0; i < kAttentionTilePositions / kPageSlots; ++i) {
        const int page_index = tile * (kAttentionTilePositions / kPageSlots) + i;
        const bool is_valid = page_index * kPageSlots < context.work.bulk_end;
        const int32_t* const pages = arguments.plan + context.work.pages;
        const int page = is_valid ? pages[page_index] : 0;
        const uint16_t* const from = source + ElementOfSlot(context, page * kPageSlots);
        CHIMERA_UNROLL
        for (int j = 0; j < kPageSlots * kPieces / kThreads; ++j) {
          const int piece = j * kThreads + device::ThreadIndex();
          const int element =
              PieceElement<kHeadDim>(i * kPageSlots + piece / kPieces, piece % kPieces);
          device::CopyAsyncOrZero(matrix + element, from + piece * kPiece, is_valid);
        }
      }
    }
    device::CommitAsyncCopies();  // none, too: what is waited for is counted
  }

  static CHIMERA_DEVICE int64_t ElementOfSlot(const Context& context, int slot) {
    return KvElement(slot, context.kv_head, context.arguments.kv_head_count, kHeadDim);
  }

  // Waits for matrix `index` and begins the one that takes the place of the one before.
  static CHIMERA_DEVICE const uint16_t* NextMatrix(const Context& context, int index) {
    device::WaitForAsyncCopies<kRingMatrices - 2>();
    device::SyncThreads();
    BeginMatrix(context, index + kRingMatrices - 1);
    return context.shared.ring + index % kRingMatrices * kMatrixElements;
  }

  static CHIMERA_DEVICE const AttentionTail& TailOf(const Context& context) {
    return *reinterpret_cast<const AttentionTail*>(context.arguments.plan + context.work.tail);
  }

  static CHIMERA_DEVICE uint16_t* TailValues(const Context& context) {
    return context.shared.ring + kAttentionTailColumns * kHeadDim;
  }

  static CHIMERA_DEVICE void BeginTail(const Context& context) {
    const AttentionTail& tail = TailOf(context);
    const int rows = RoundUp(tail.column_count, kFragmentDepth);
    const auto element_of = [&](int column) {
      return column < tail.column_count ? ElementOfSlot(context, tail.kv_slots[column])
                                        : int64_t{-1};
    };
    CopyRows<kHeadDim, kThreads>(context.shared.ring, rows, context.arguments.keys, element_of);
    device::CommitAsyncCopies();
    CopyRows<kHeadDim, kThreads>(TailValues(context), rows, context.arguments.values, element_of);
    device::CommitAsyncCopies();
  }

  static CHIMERA_DEVICE void StorePartial(const Context& context, const Part<kHeadDim>& part) {
    const Arguments& arguments = context.arguments;
    CHIMERA_UNROLL
    for (int i = 0; i < 2; ++i) {
      if (context.query[i] < 0) continue;
      float* const partial =
          arguments.workspace + PartialElement<kHeadDim>(context.PartialQuery(i));
      const int column = device::LaneIndex() % 4 * 2;
      CHIMERA_UNROLL
      for (int group = 0; group < kHeadDim / kFragmentColumns; ++group) {
        const float* const sums = part.sums[group].value + 2 * i;
        device::StoreWords2(partial + group * kFragmentColumns + column,
                            {{device::FloatBits(sums[0]), device::FloatBits(sums[1])}});
      }
      if (column != 0) continue;
      device::StoreWords2(partial + kHeadDim, {{device::FloatBits(part.maximum[i]),
                                                device::FloatBits(part.total.value[2 * i])}});
    }
  }

  static CHIMERA_DEVICE void MergePart(const Part<kHeadDim>& part, Context* context) {
    CHIMERA_UNROLL
    for (int i = 0; i < 2; ++i) {
      if (part.maximum[i] == MaskedScore()) continue;
      const bool is_first = context->merged_maximum[i] == MaskedScore();
      const MergeFactors factors = FactorsOfMerge(context->merged_maximum[i], part.maximum[i]);
      context->merged_maximum[i] = factors.maximum;
      context->merged_total[i] =
          MergeSums(factors, context->merged_total[i], part.total.value[2 * i]);
      CHIMERA_UNROLL
      for (int j = 0; j < kHeadDim / kFragmentColumns * 2; ++j) {
        const int element = j / 2 * 4 + 2 * i + j % 2;
        float& merged = context->shared.merged[element][device::ThreadIndex()];
        const float before = is_first ? 0.0f : merged;
        merged = MergeSums(factors, before, part.sums[j / 2].value[2 * i + j % 2]);
      }
    }
  }

  static CHIMERA_DEVICE void FinishPart(const Part<kHeadDim>& part, Context* context) {
    if (context->work.first_partial_row >= 0) {
      StorePartial(*context, part);
    } else {
      MergePart(part, context);
    }
  }

  static CHIMERA_DEVICE void StoreOutput(const Context& context) {
    CHIMERA_UNROLL
    for (int i = 0; i < 2; ++i) {
      if (context.query[i] < 0) continue;
      const float inverse = device::Div(1.0f, context.merged_total[i]);
      auto* const output =
          reinterpret_cast<uint32_t*>(context.arguments.output + context.StepQuery(i) * kHeadDim);
      CHIMERA_UNROLL
      for (int group = 0; group < kHeadDim / kFragmentColumns; ++group) {
        const auto merged = [&](int j) {
          return context.shared.merged[group * 4 + 2 * i + j][device::ThreadIndex()];
        };
        output[group * 4 + device::LaneIndex() % 4] =
            device::PackBf16(device::Mul(merged(0), inverse), device::Mul(merged(1), inverse));
      }
    }
  }

  static CHIMERA_DEVICE void RunTiles(Context* context) {
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

  // The tail's copies have begun.
  static CHIMERA_DEVICE void RunTail(Context* context) {
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
    Context context = {
        arguments,
        work,
        device::SharedMemory<Shared>(),
        kv_head,
        {QueryOfLane(arguments, work, kv_head, 0), QueryOfLane(arguments, work, kv_head, 1)},
        {},
        {MaskedScore(), MaskedScore()},
        {0, 0}};
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
