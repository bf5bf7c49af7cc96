#include "common/cuda/draft_network/cuda_draft_context.h"

#include <algorithm>

#include "common/cuda/kernels/kv_layout.h"

namespace chimera {

DraftContextSlots::DraftContextSlots(int32_t count) {
  for (int32_t slot = count - 1; slot >= 0; --slot) free_.push_back(slot);
}

int32_t DraftContextSlots::Take() {
  if (free_.empty()) return -1;
  const int32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

int32_t CudaDraftContext::RingPages(const DraftNetworkConfig& config) {
  return (config.context_window + kPageSlots - 1) / kPageSlots + 1;
}

CudaDraftContext::CudaDraftContext(const DraftNetworkConfig& config, int64_t start_position,
                                   DraftContextSlots* slots)
    : DraftContext(config, start_position),
      slots_(slots),
      slot_(slots->Take()),
      ring_pages_(RingPages(config)) {}

CudaDraftContext::~CudaDraftContext() {
  if (slot_ >= 0) slots_->Return(slot_);
}

int32_t CudaDraftContext::KvSlot(int64_t position) const {
  const int64_t offset = position - origin_;
  const int64_t page = int64_t{slot_} * ring_pages_ + offset / kPageSlots % ring_pages_;
  return static_cast<int32_t>(page * kPageSlots + offset % kPageSlots);
}

WindowAttentionRow CudaDraftContext::Window() const {
  const int64_t pages = (end_ - origin_ + kPageSlots - 1) / kPageSlots;
  const int64_t first = std::max<int64_t>(pages - ring_pages_, 0);
  WindowAttentionRow row;
  row.ring_begin = slot_ * ring_pages_;
  row.first_page = static_cast<int32_t>(first % ring_pages_);
  row.window_count = static_cast<int32_t>(end_ - origin_ - first * kPageSlots);
  return row;
}

}  // namespace chimera
