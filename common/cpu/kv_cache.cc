#include "common/cpu/kv_cache.h"

#include <cstring>

namespace chimera {

KvCache::Blocks::Blocks(const LlamaConfig& config, int32_t count, int64_t positions)
    : count_(count),
      head_count_(config.kv_head_count),
      head_stride_(positions * config.head_dim),
      memory_(config.layer_count * count_ * block_bytes()),
      elements_(reinterpret_cast<uint16_t*>(memory_.data())) {}

KvCache::Block KvCache::Blocks::At(int layer, int32_t index) const {
  const int64_t half = head_count_ * head_stride_;
  uint16_t* block = elements_ + (layer * count_ + index) * 2 * half;
  Block result;
  result.keys = block;
  result.values = block + half;
  result.head_stride = head_stride_;
  return result;
}

KvCache::KvCache(const LlamaConfig& config, const BackendLimits& limits)
    : layer_count_(config.layer_count),
      kv_head_count_(config.kv_head_count),
      head_dim_(config.head_dim),
      pages_(config, limits.page_count, kPagePositions),
      scratch_(config, limits.slot_count, TokenTree::kMaxNodes) {}

void KvCache::PutKey(const Block& block, int64_t head, int64_t index, const uint16_t* key) const {
  uint16_t* to = block.keys + head * block.head_stride + index * block.key_stride;
  for (int64_t d = 0; d < head_dim_; ++d) to[d * block.key_step] = key[d];
}

void KvCache::GetKey(const Block& block, int64_t head, int64_t index, uint16_t* key) const {
  const uint16_t* from = block.keys + head * block.head_stride + index * block.key_stride;
  for (int64_t d = 0; d < head_dim_; ++d) key[d] = from[d * block.key_step];
}

void KvCache::CopyNodeToPage(int32_t slot, int node, int32_t page, int index) {
  for (int layer = 0; layer < layer_count_; ++layer) {
    const Block from = Scratch(layer, slot);
    const Block to = Page(layer, page);
    for (int head = 0; head < kv_head_count_; ++head) {
      PutKey(to, head, index, from.keys + head * from.head_stride + node * head_dim_);
      std::memcpy(to.values + head * to.head_stride + index * head_dim_,
                  from.values + head * from.head_stride + node * head_dim_,
                  head_dim_ * sizeof(uint16_t));
    }
  }
}

std::vector<std::byte> KvCache::CopyPage(int32_t page) const {
  const int64_t layer_bytes = pages_.block_bytes();
  std::vector<std::byte> bytes(layer_count_ * layer_bytes);
  for (int layer = 0; layer < layer_count_; ++layer) {
    const Block block = Page(layer, page);
    auto* keys = reinterpret_cast<uint16_t*>(bytes.data() + layer * layer_bytes);
    for (int head = 0; head < kv_head_count_; ++head) {
      for (int i = 0; i < kPagePositions; ++i, keys += head_dim_) GetKey(block, head, i, keys);
    }
    std::memcpy(keys, block.values, layer_bytes / 2);
  }
  return bytes;
}

}  // namespace chimera
