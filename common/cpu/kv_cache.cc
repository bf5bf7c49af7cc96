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
  return {.keys = block, .values = block + half, .head_stride = head_stride_};
}

KvCache::KvCache(const LlamaConfig& config, const BackendLimits& limits)
    : layer_count_(config.layer_count),
      kv_head_count_(config.kv_head_count),
      head_dim_(config.head_dim),
      pages_(config, limits.page_count, kPagePositions),
      scratch_(config, limits.slot_count, TokenTree::kMaxNodes) {}

void KvCache::CopyNodeToPage(int32_t slot, int node, int32_t page, int index) {
  const size_t bytes = head_dim_ * sizeof(uint16_t);
  for (int layer = 0; layer < layer_count_; ++layer) {
    const Block from = Scratch(layer, slot);
    const Block to = Page(layer, page);
    for (int head = 0; head < kv_head_count_; ++head) {
      const int64_t source = head * from.head_stride + node * head_dim_;
      const int64_t target = head * to.head_stride + index * head_dim_;
      std::memcpy(to.keys + target, from.keys + source, bytes);
      std::memcpy(to.values + target, from.values + source, bytes);
    }
  }
}

std::vector<std::byte> KvCache::CopyPage(int32_t page) const {
  const int64_t layer_bytes = pages_.block_bytes();
  std::vector<std::byte> bytes(layer_count_ * layer_bytes);
  for (int layer = 0; layer < layer_count_; ++layer) {
    std::memcpy(bytes.data() + layer * layer_bytes, Page(layer, page).keys, layer_bytes);
  }
  return bytes;
}

}  // namespace chimera
