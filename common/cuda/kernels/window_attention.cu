#include <cmath>

#include "common/base/check.h"
#include "common/cuda/device/block_sum.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/window_attention.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::Vector4;

// One block per row and query head: a level of a tree has few rows, whose windows are small. Heads
// that share keys and values, and rows of one tree, find them in the second-level cache.
struct WindowAttentionKernel {
  struct Arguments {
    WindowAttentionArguments attention;
    float scale;  // of products to scores, which are exponents of 2
  };

  static constexpr int kThreads = 256;
  static constexpr int kBlocksPerMultiprocessor = 4;  // at most 64 registers
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr int kTile = kThreads;  // keys that are weighed together, one by each thread
  static constexpr int kPiece = 8;        // elements of 16 bytes

  struct Shared {
    float query[kMaxWindowAttentionHeadDim];
    float sums[kThreads * kPiece];  // [group, head_dim]
    float weights[kTile];
    int slots[kTile];  // KV slots of windows, and ~slot of nodes
    float warp_maxima[kWarps];
    float warp_sums[kWarps];
  };

  struct Piece {
    Vector4 low;
    Vector4 high;
  };

  static CHIMERA_DEVICE Piece LoadPiece(const uint16_t* elements) {
    const device::Words4 words = device::LoadWords4(elements);
    return {{device::LowBf16(words.word[0]), device::HighBf16(words.word[0]),
             device::LowBf16(words.word[1]), device::HighBf16(words.word[1])},
            {device::LowBf16(words.word[2]), device::HighBf16(words.word[2]),
             device::LowBf16(words.word[3]), device::HighBf16(words.word[3])}};
  }

  static CHIMERA_DEVICE int KvHead(const WindowAttentionArguments& attention) {
    return device::BlockY() / (attention.head_count / attention.kv_head_count);
  }

  // The KV slot of what the row attends to at `index`: ~slot if it is a node's.
  static CHIMERA_DEVICE int SlotAt(const WindowAttentionArguments& attention,
                                   const WindowAttentionRow& row, int index) {
    if (index >= row.window_count) return ~row.path[index - row.window_count];
    const int page = (row.first_page + index / kPageSlots) % attention.ring_pages;
    return (row.ring_begin + page) * kPageSlots + index % kPageSlots;
  }

  // Where the block's head of a slot begins, in `windows` or `nodes`.
  static CHIMERA_DEVICE const uint16_t* HeadOf(const WindowAttentionArguments& attention,
                                               const uint16_t* windows, const uint16_t* nodes,
                                               int slot) {
    const uint16_t* const base = slot < 0 ? nodes : windows;
    return base + KvElement(slot < 0 ? ~slot : slot, KvHead(attention), attention.kv_head_count,
                            attention.head_dim);
  }

  static CHIMERA_DEVICE float Product(const float* query, const uint16_t* key, int head_dim) {
    float sum = 0.0f;
    for (int first = 0; first < head_dim; first += kPiece) {
      const Piece piece = LoadPiece(key + first);
      CHIMERA_UNROLL
      for (int j = 0; j < 4; ++j) sum = device::Fma(query[first + j], piece.low.value[j], sum);
      CHIMERA_UNROLL
      for (int j = 0; j < 4; ++j) sum = device::Fma(query[first + 4 + j], piece.high.value[j], sum);
    }
    return sum;
  }

  // The greatest of the threads' values. All threads of the block together; the shared memory must
  // not be written again before the next SyncThreads().
  static CHIMERA_DEVICE float BlockMaximum(float value, Shared* shared) {
    CHIMERA_UNROLL
    for (int mask = kWarpSize / 2; mask > 0; mask /= 2) {
      value = device::Max(value, device::ShuffleXor(value, mask));
    }
    if (device::LaneIndex() == 0) shared->warp_maxima[device::WarpIndex()] = value;
    device::SyncThreads();
    float maximum = shared->warp_maxima[0];
    CHIMERA_UNROLL
    for (int warp = 1; warp < kWarps; ++warp) {
      maximum = device::Max(maximum, shared->warp_maxima[warp]);
    }
    return maximum;
  }

  static CHIMERA_DEVICE void AddPiece(const Piece& piece, float weight, float (&sums)[kPiece]) {
    CHIMERA_UNROLL
    for (int j = 0; j < 4; ++j) {
      sums[j] = device::Fma(weight, piece.low.value[j], sums[j]);
      sums[4 + j] = device::Fma(weight, piece.high.value[j], sums[4 + j]);
    }
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const WindowAttentionArguments& attention = arguments.attention;
    const WindowAttentionRow& row = attention.rows[device::BlockX()];
    Shared& shared = device::SharedMemory<Shared>();
    const int thread = device::ThreadIndex();
    const int head_dim = attention.head_dim;
    const int64_t query =
        (int64_t{device::BlockX()} * attention.head_count + device::BlockY()) * head_dim;
    for (int i = thread; i < head_dim; i += kThreads) {
      shared.query[i] = device::Bf16ToFloat(attention.queries[query + i]);
    }
    device::SyncThreads();

    // A group of threads has a piece of a value each, and sums up every group_count-th value.
    const int group_size = head_dim / kPiece;
    const int group_count = kThreads / group_size;
    const int group = thread / group_size;
    const int piece = thread % group_size * kPiece;
    const int count = row.window_count + row.path_count;
    float maximum = device::BitsToFloat(0xff800000u);  // of no score
    float total = 0.0f;
    float sums[kPiece] = {};
    for (int first = 0; first < count; first += kTile) {
      const int tile_count = count - first < kTile ? count - first : kTile;
      float score = device::BitsToFloat(0xff800000u);
      if (thread < tile_count) {
        const int slot = SlotAt(attention, row, first + thread);
        shared.slots[thread] = slot;
        const uint16_t* const key = HeadOf(attention, attention.keys, attention.node_keys, slot);
        score = device::Mul(Product(shared.query, key, head_dim), arguments.scale);
      }
      const float next = device::Max(maximum, BlockMaximum(score, &shared));
      const float scale = device::Exp2(device::Sub(maximum, next));
      maximum = next;
      const float weight = thread < tile_count ? device::Exp2(device::Sub(score, maximum)) : 0.0f;
      shared.weights[thread] = weight;
      total = device::Fma(total, scale, weight);
      CHIMERA_UNROLL
      for (int j = 0; j < kPiece; ++j) sums[j] = device::Mul(sums[j], scale);
      device::SyncThreads();
      for (int i = group; group < group_count && i < tile_count; i += group_count) {
        const uint16_t* const value =
            HeadOf(attention, attention.values, attention.node_values, shared.slots[i]);
        AddPiece(LoadPiece(value + piece), shared.weights[i], sums);
      }
      device::SyncThreads();
    }

    if (group < group_count) {
      CHIMERA_UNROLL
      for (int j = 0; j < kPiece; ++j) shared.sums[group * head_dim + piece + j] = sums[j];
    }
    total = device::BlockSum(total, shared.warp_sums);
    const float inverse = count > 0 ? device::Div(1.0f, total) : 0.0f;
    for (int i = 2 * thread; i < head_dim; i += 2 * kThreads) {
      float low = 0.0f;
      float high = 0.0f;
      for (int other = 0; other < group_count; ++other) {
        low = device::Add(low, shared.sums[other * head_dim + i]);
        high = device::Add(high, shared.sums[other * head_dim + i + 1]);
      }
      auto* const output = reinterpret_cast<uint32_t*>(attention.output + query + i);
      *output = device::PackBf16(device::Mul(low, inverse), device::Mul(high, inverse));
    }
  }
};

}  // namespace

absl::Status LaunchWindowAttention(StreamView stream, const WindowAttentionArguments& arguments,
                                   LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.ring_pages > 0);
  CHIMERA_CHECK(arguments.kv_head_count > 0 && arguments.head_count > 0 &&
                arguments.head_count % arguments.kv_head_count == 0)
      << arguments.head_count << " heads, " << arguments.kv_head_count << " of keys";
  CHIMERA_CHECK(arguments.head_dim > 0 && arguments.head_dim % 16 == 0 &&
                arguments.head_dim <= kMaxWindowAttentionHeadDim)
      << "head_dim " << arguments.head_dim;
  constexpr double kLog2E = 1.4426950408889634;
  const auto scale = static_cast<float>(kLog2E / std::sqrt(double{1} * arguments.head_dim));
  using Kernel = WindowAttentionKernel;
  return Launch<Kernel>(
      stream, {{arguments.row_count, arguments.head_count, 1}, sizeof(Kernel::Shared), order},
      {arguments, scale});
}

}  // namespace chimera
