// Keys and values of committed positions, in pages, and of trees under verification, in scratch.

#ifndef CHIMERA_COMMON_CPU_KV_CACHE_H_
#define CHIMERA_COMMON_CPU_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/backend/backend.h"
#include "common/cpu/aligned_buffer.h"

namespace chimera {

// fp16, keys after RoPE. Pages: keys [layer][page][kv_head][head_dim][kPagePositions], values
// [layer][page][kv_head][kPagePositions][head_dim] (attention_task.h says why); scratch: both
// [layer][slot][kv_head][TokenTree::kMaxNodes][head_dim]. Memory is taken from the system as it is
// first written. Concurrent access to different vectors is fine.
class KvCache {
 public:
  KvCache(const LlamaConfig& config, const BackendLimits& limits);

  // One page, or one slot's scratch. Element d of the value at `index`, the position in the page or
  // the node, is at values + index * head_dim + d, that of the key at keys + index * key_stride +
  // d * key_step; heads are head_stride elements apart.
  struct Block {
    uint16_t* keys = nullptr;
    uint16_t* values = nullptr;
    int64_t head_stride = 0;
    int64_t key_stride = 0;
    int64_t key_step = 0;
  };
  Block Page(int layer, int32_t page) const {
    Block block = pages_.At(layer, page);
    block.key_stride = 1;
    block.key_step = kPagePositions;
    return block;
  }
  Block Scratch(int layer, int32_t slot) const {
    Block block = scratch_.At(layer, slot);
    block.key_stride = head_dim_;
    block.key_step = 1;
    return block;
  }

  // Writes or reads the key [head_dim] at `index` of one head.
  void PutKey(const Block& block, int64_t head, int64_t index, const uint16_t* key) const;
  void GetKey(const Block& block, int64_t head, int64_t index, uint16_t* key) const;

  // Copies the K/V of a node, all layers, to `index` in [0, kPagePositions) of a page.
  void CopyNodeToPage(int32_t slot, int node, int32_t page, int index);

  // Backend::CopyPage.
  std::vector<std::byte> CopyPage(int32_t page) const;

 private:
  // `count` blocks per layer, each [k or v][kv_head][positions * head_dim].
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
