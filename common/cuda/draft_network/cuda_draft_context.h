// What a draft network on a device remembers of one sequence.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_CONTEXT_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_CONTEXT_H_

#include <cstdint>
#include <vector>

#include "common/backend/draft_context.h"
#include "common/cuda/kernels/window_attention.h"
#include "common/model/draft_network_config.h"

namespace chimera {

// The parts of a device's memory that contexts have, numbered from 0. One thread at a time.
class DraftContextSlots {
 public:
  explicit DraftContextSlots(int32_t count);

  // A slot that nobody has; -1 if there is none.
  int32_t Take();
  void Return(int32_t slot) { free_.push_back(slot); }

 private:
  std::vector<int32_t> free_;
};

// Keys and values of the newest positions, as many as context_window says and up to 16 more, lie in
// a ring of pages of its slot. Which position is where is kept here, the rest on the device.
class CudaDraftContext final : public DraftContext {
 public:
  // Pages of a window's ring.
  static int32_t RingPages(const DraftNetworkConfig& config);

  // `slots` must outlive it.
  CudaDraftContext(const DraftNetworkConfig& config, int64_t start_position,
                   DraftContextSlots* slots);
  ~CudaDraftContext() override;

  int32_t slot() const { return slot_; }  // -1: it has none, and nothing can be encoded

  // Position after the last of the window.
  int64_t window_end() const { return end_; }

  // Forgets all positions; the next one is `position`.
  void RestartWindow(int64_t position) { origin_ = end_ = position; }

  // Makes room for the next `count` positions. REQUIRES: count is at most context_window.
  void ExtendWindow(int64_t count) { end_ += count; }

  // The KV slot of a position of the window.
  int32_t KvSlot(int64_t position) const;

  // Attention to all of the window.
  WindowAttentionRow Window() const;

 private:
  DraftContextSlots* const slots_;
  const int32_t slot_;
  const int32_t ring_pages_;
  int64_t origin_ = 0;  // begins a page
  int64_t end_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_CONTEXT_H_
