#include "verifier/kv_cache/page_allocator.h"

#include "common/backend/backend.h"
#include "common/base/check.h"

namespace chimera {

PageTable::PageTable(PageTable&& other) noexcept
    : allocator_(std::exchange(other.allocator_, nullptr)), pages_(std::move(other.pages_)) {}

PageTable& PageTable::operator=(PageTable&& other) noexcept {
  if (this != &other) {
    if (allocator_ != nullptr) allocator_->Release(pages_);
    allocator_ = std::exchange(other.allocator_, nullptr);
    pages_ = std::move(other.pages_);
  }
  return *this;
}

PageTable::~PageTable() {
  if (allocator_ != nullptr) allocator_->Release(pages_);
}

PageAllocator::PageAllocator(int32_t page_count) : page_count_(page_count) {
  for (int32_t page = page_count - 1; page >= 0; --page) free_.push_back(page);
}

std::optional<PageTable> PageAllocator::Allocate(int32_t count) {
  CHIMERA_CHECK(count >= 0) << count;
  if (count > free_count()) return std::nullopt;
  const std::vector<int32_t> pages(free_.rbegin(), free_.rbegin() + count);
  free_.resize(free_.size() - count);
  return PageTable(this, pages);
}

void PageAllocator::Release(std::span<const int32_t> pages) {
  free_.insert(free_.end(), pages.rbegin(), pages.rend());
  CHIMERA_CHECK(free_count() <= page_count_) << "a page was returned twice";
}

int32_t PagesForPositions(int32_t positions) {
  return (positions + kPagePositions - 1) / kPagePositions;
}

}  // namespace chimera
