// Keys and values of committed positions, in pages, and of trees under verification, in scratch.

#ifndef CHIMERA_COMMON_CPU_KV_CACHE_H_
#define CHIMERA_COMMON_CPU_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/backend/backend.h"
#include "common/cpu/aligned_buffer.h"

namespace chimera {

// fp16, keys after RoPE. Pages [layer][page][k or v][kv_head][kPagePositions][head_dim]; scratch
// [layer][slot][k or v][kv_head][TokenTree::kMaxNodes][head_dim]. Memory is taken from the system as
// it is first written. Concurrent access to different vectors is fine.
class KvCache {
 public:
  KvCache(const LlamaConfig& config, const BackendLimits& limits);

  // A vector of head_dim elements is at `keys` or `values` + index * head_dim, index being the
  // position in the page or the node; heads are head_stride elements apart.
  struct Block {
    uint16_t* keys = nullptr;
    uint16_t* values = nullptr;
    int64_t head_stride = 0;
  };
  Block Page(int layer, int32_t page) const { return pages_.At(layer, page); }
  Block Scratch(int layer, int32_t slot) const { return scratch_.At(layer, slot); }

  // Copies the K/V of a node, all layers, to `index` in [0, kPagePositions) of a page.
  void CopyNodeToPage(int32_t slot, int node, int32_t page, int index);

  // Backend::CopyPage.
  std::vector<std::byte> CopyPage(int32_t page) const;

 private:
  // `count` blocks per layer, each [k or v][kv_head][positions][head_dim].
  class Blocks {
   public:
    Blocks(const LlamaConfig& config, int32_t count, int64_t positions);
    Block At(int layer, int32_t index) const;
    int64_t block_bytes() const { return 2 * head_count_ * head_stride_ * kElementBytes; }

   private:
    static constexpr int64_t kElementBytes = sizeof(uint16_t);
    int64_t count_;
    int64_t head_count_;
    int64_t head_stride_;  // elements of one head in one block
    AlignedBuffer memory_;
    uint16_t* elements_;
  };

  const int32_t layer_count_;
  const int32_t kv_head_count_;
  const int64_t head_dim_;
  Blocks pages_;
  Blocks scratch_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_KV_CACHE_H_
