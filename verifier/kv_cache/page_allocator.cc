#include "verifier/kv_cache/page_allocator.h"

#include "common/backend/backend.h"
#include "common/base/check.h"

namespace chimera {

PageTable::PageTable(PageTable&& other) noexcept
    : allocator_(other.allocator_), pages_(std::exchange(other.pages_, {})) {}

PageTable& PageTable::operator=(PageTable&& other) noexcept {
  if (this != &other) {
    Clear();
    allocator_ = other.allocator_;
    pages_ = std::exchange(other.pages_, {});
  }
  return *this;
}

bool PageTable::Extend(int32_t count) {
  CHIMERA_CHECK(count >= 0) << count;
  if (count > allocator_->available_count()) return false;
  for (int32_t i = 0; i < count; ++i) pages_.push_back(allocator_->Take());
  return true;
}

void PageTable::AppendShared(int32_t page) {
  allocator_->Hold(page);
  pages_.push_back(page);
}

void PageTable::ReplaceByShared(int32_t index, int32_t page) {
  allocator_->Hold(page);
  allocator_->GiveUp(std::exchange(pages_[index], page));
}

void PageTable::Clear() {
  // The last page first: so the pages of a sequence are evicted from its end, and what is kept of
  // it is always its beginning.
  for (auto page = pages_.rbegin(); page != pages_.rend(); ++page) allocator_->GiveUp(*page);
  pages_.clear();
}

PageAllocator::PageAllocator(int32_t page_count) : pages_(page_count) {
  for (int32_t page = page_count - 1; page >= 0; --page) free_.push_back(page);
}

void PageAllocator::Keep(int32_t page) {
  CHIMERA_CHECK(pages_[page].holders > 0) << "page " << page << " is not held";
  pages_[page].worth_keeping = true;
}

int32_t PageAllocator::Take() {
  int32_t page;
  if (!free_.empty()) {
    page = free_.back();
    free_.pop_back();
  } else {
    CHIMERA_CHECK(!kept_.empty()) << "no page is left";
    page = kept_.front();
    kept_.pop_front();
    pages_[page].worth_keeping = false;
    if (listener_) listener_(page);
  }
  pages_[page].holders = 1;
  return page;
}

void PageAllocator::Hold(int32_t page) {
  Page& entry = pages_[page];
  if (entry.holders == 0) {
    CHIMERA_CHECK(entry.worth_keeping) << "page " << page << " is free";
    kept_.erase(entry.kept);
  }
  ++entry.holders;
}

void PageAllocator::GiveUp(int32_t page) {
  Page& entry = pages_[page];
  CHIMERA_CHECK(entry.holders > 0) << "page " << page << " was given up twice";
  if (--entry.holders > 0) return;
  if (entry.worth_keeping) {
    entry.kept = kept_.insert(kept_.end(), page);
  } else {
    free_.push_back(page);
  }
}

int32_t PagesForPositions(int32_t positions) {
  return (positions + kPagePositions - 1) / kPagePositions;
}

}  // namespace chimera
