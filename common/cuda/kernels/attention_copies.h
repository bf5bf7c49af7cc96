// Keys and values on their way to shared memory. For kernels.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_COPIES_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_COPIES_H_

#include <cstdint>

#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/attention_context.h"
#include "common/cuda/kernels/attention_fragments.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/kv_layout.h"

namespace chimera::attention {

// Of the keys or values of the work's kv head.
template <int kHeadDim>
CHIMERA_DEVICE int64_t ElementOfSlot(const WorkContext<kHeadDim>& context, int slot) {
  return KvElement(slot, context.kv_head, context.arguments.kv_head_count, kHeadDim);
}

// Begins matrix `index` of the bulk: the keys of the first tile, its values, the keys of the next
// and so on. The elements of a page's head lie together.
template <int kHeadDim>
CHIMERA_DEVICE void BeginMatrix(const WorkContext<kHeadDim>& context, int index) {
  constexpr int kPieces = kHeadDim / kPiece;
  const int tile = context.work.first_tile + index / 2;
  if (tile < context.work.end_tile) {
    const TreeAttentionArguments& arguments = context.arguments;
    const uint16_t* const source = index % 2 == 0 ? arguments.keys : arguments.values;
    uint16_t* const matrix =
        context.shared.ring + index % kRingMatrices * kMatrixElements<kHeadDim>;
    CHIMERA_UNROLL
    for (int i = 0; i < kAttentionTilePositions / kPageSlots; ++i) {
      const int page_index = tile * (kAttentionTilePositions / kPageSlots) + i;
      const bool is_valid = page_index * kPageSlots < context.work.bulk_end;
      const int32_t* const pages = arguments.plan + context.work.pages;
      const int page = is_valid ? pages[page_index] : 0;
      const uint16_t* const from = source + ElementOfSlot(context, page * kPageSlots);
      CHIMERA_UNROLL
      for (int j = 0; j < kPageSlots * kPieces / kWorkThreads; ++j) {
        const int piece = j * kWorkThreads + device::ThreadIndex();
        const int element =
            PieceElement<kHeadDim>(i * kPageSlots + piece / kPieces, piece % kPieces);
        device::CopyAsyncOrZero(matrix + element, from + piece * kPiece, is_valid);
      }
    }
  }
  device::CommitAsyncCopies();  // none, too: what is waited for is counted
}

// Waits for matrix `index` and begins the one that takes the place of the one before.
template <int kHeadDim>
CHIMERA_DEVICE const uint16_t* NextMatrix(const WorkContext<kHeadDim>& context, int index) {
  device::WaitForAsyncCopies<kRingMatrices - 2>();
  device::SyncThreads();
  BeginMatrix(context, index + kRingMatrices - 1);
  return context.shared.ring + index % kRingMatrices * kMatrixElements<kHeadDim>;
}

template <int kHeadDim>
CHIMERA_DEVICE const AttentionTail& TailOf(const WorkContext<kHeadDim>& context) {
  return *reinterpret_cast<const AttentionTail*>(context.arguments.plan + context.work.tail);
}

// The tail's keys lie before them, from the ring's begin on.
template <int kHeadDim>
CHIMERA_DEVICE uint16_t* TailValues(const WorkContext<kHeadDim>& context) {
  return context.shared.ring + kAttentionTailColumns * kHeadDim;
}

// Begins the keys and, as a second group, the values of the tail.
template <int kHeadDim>
CHIMERA_DEVICE void BeginTail(const WorkContext<kHeadDim>& context) {
  const AttentionTail& tail = TailOf(context);
  const int rows = (tail.column_count + kFragmentDepth - 1) / kFragmentDepth * kFragmentDepth;
  const auto element_of = [&](int column) {
    return column < tail.column_count ? ElementOfSlot(context, tail.kv_slots[column]) : int64_t{-1};
  };
  CopyRows<kHeadDim, kWorkThreads>(context.shared.ring, rows, context.arguments.keys, element_of);
  device::CommitAsyncCopies();
  CopyRows<kHeadDim, kWorkThreads>(TailValues(context), rows, context.arguments.values, element_of);
  device::CommitAsyncCopies();
}

}  // namespace chimera::attention

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ATTENTION_COPIES_H_
