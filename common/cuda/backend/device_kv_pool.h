// Keys and values on a device: of committed positions, in pages, and of trees under verification.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_DEVICE_KV_POOL_H_
#define CHIMERA_COMMON_CUDA_BACKEND_DEVICE_KV_POOL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/stream.h"
#include "common/model/llama_config.h"

namespace chimera {

// bf16 [layer][keys, values][page][kv_head][kPagePositions][head_dim]: the pages of the engine's
// pool, then, as pages of the same form, the tree scratch of each slot, a node after the other. A
// KV slot, page * kPagePositions + position in the page, names the same place in every layer.
class DeviceKvPool {
 public:
  // Pages of a slot's scratch.
  static constexpr int32_t kScratchPages = TokenTree::kMaxNodes / kPagePositions;
  static_assert(TokenTree::kMaxNodes % kPagePositions == 0);

  // On the calling thread's device; not initialised. Errors: device_error.h.
  static absl::StatusOr<DeviceKvPool> Create(const LlamaConfig& config,
                                             const BackendLimits& limits);

  // Bytes of one page, all layers.
  static int64_t PageBytes(const LlamaConfig& config);

  int32_t page_count() const { return page_count_; }  // scratch included

  int32_t ScratchPage(int32_t slot) const { return scratch_begin_ + slot * kScratchPages; }
  int32_t NodeKvSlot(int32_t slot, int node) const {
    return ScratchPage(slot) * kPagePositions + node;
  }

  uint16_t* data() { return memory_.span().device_pointer(); }
  uint16_t* keys(int layer) { return data() + 2 * layer * part_elements(); }
  uint16_t* values(int layer) { return keys(layer) + part_elements(); }

  // Backend::CopyPage; waits for the stream.
  absl::StatusOr<std::vector<std::byte>> CopyPage(int32_t page, cuda::Stream& stream) const;

 private:
  DeviceKvPool(const LlamaConfig& config, const BackendLimits& limits,
               cuda::DeviceBuffer<uint16_t> memory);

  // Of a layer's keys, or values.
  int64_t part_elements() const { return page_count_ * page_elements_; }

  int32_t layer_count_;
  int32_t scratch_begin_;  // the first page of scratch
  int32_t page_count_;
  int64_t page_elements_;  // of keys, or values, of a page in one layer
  cuda::DeviceBuffer<uint16_t> memory_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_DEVICE_KV_POOL_H_
