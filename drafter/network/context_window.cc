#include "drafter/network/context_window.h"

#include <algorithm>

#include "common/base/grow_to.h"

namespace chimera {

ContextWindow::ContextWindow(const DraftNetworkConfig& config)
    : kv_head_count_(config.kv_head_count),
      head_dim_(config.head_dim),
      page_limit_((config.context_window + kKvPagePositions - 1) / kKvPagePositions + 1) {}

void ContextWindow::Restart(int64_t position) { origin_ = end_ = position; }

int64_t ContextWindow::first_page() const {
  return std::max<int64_t>(page_count() - page_limit_, 0);
}

int64_t ContextWindow::begin() const { return origin_ + first_page() * kKvPagePositions; }

void ContextWindow::Append(int64_t count) {
  end_ += count;
  GrowTo(std::min(page_count(), page_limit_) * 2 * half_size(), &memory_);
}

int64_t ContextWindow::KeyOffset(int64_t page, int64_t head) const {
  return (page % page_limit_) * 2 * half_size() + head * head_dim_ * kKvPagePositions;
}

int64_t ContextWindow::ValueOffset(int64_t page, int64_t head) const {
  return KeyOffset(page, head) + half_size();
}

void ContextWindow::Put(int64_t position, int64_t head, const uint16_t* key,
                        const uint16_t* value) {
  const int64_t page = (position - origin_) / kKvPagePositions;
  const int64_t place = (position - origin_) % kKvPagePositions;
  uint16_t* const keys = &memory_[KeyOffset(page, head)];
  for (int64_t d = 0; d < head_dim_; ++d) keys[d * kKvPagePositions + place] = key[d];
  std::copy_n(value, head_dim_, &memory_[ValueOffset(page, head) + place * head_dim_]);
}

int64_t ContextWindow::ListPages(int64_t head, std::vector<KvPage>* pages) const {
  pages->clear();
  for (int64_t page = first_page(); page < page_count(); ++page) {
    pages->push_back(
        {.keys = &memory_[KeyOffset(page, head)], .values = &memory_[ValueOffset(page, head)]});
  }
  return end_ - begin();
}

}  // namespace chimera
