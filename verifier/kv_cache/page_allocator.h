// Hands out the pages of a backend's K/V pool.

#ifndef CHIMERA_VERIFIER_KV_CACHE_PAGE_ALLOCATOR_H_
#define CHIMERA_VERIFIER_KV_CACHE_PAGE_ALLOCATOR_H_

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace chimera {

class PageAllocator;

// Pages lent to one sequence, in order of position. Move-only; returns them when destroyed. The
// allocator must outlive it. The engine's thread only.
class PageTable {
 public:
  PageTable() = default;
  PageTable(PageTable&& other) noexcept;
  PageTable& operator=(PageTable&& other) noexcept;
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;
  ~PageTable();

  std::span<const int32_t> pages() const { return pages_; }

 private:
  friend class PageAllocator;
  PageTable(PageAllocator* allocator, std::vector<int32_t> pages)
      : allocator_(allocator), pages_(std::move(pages)) {}

  PageAllocator* allocator_ = nullptr;
  std::vector<int32_t> pages_;
};

// Keeps track of which pages are free; the memory itself is the backend's. Not thread-safe.
class PageAllocator {
 public:
  explicit PageAllocator(int32_t page_count);

  // Lends `count` pages, or nothing if fewer are free. REQUIRES: count >= 0.
  std::optional<PageTable> Allocate(int32_t count);

  int32_t page_count() const { return page_count_; }
  int32_t free_count() const { return static_cast<int32_t>(free_.size()); }

 private:
  friend class PageTable;
  void Release(std::span<const int32_t> pages);

  const int32_t page_count_;
  std::vector<int32_t> free_;  // the next page to lend is at the back
};

// Pages that hold `positions` positions.
int32_t PagesForPositions(int32_t positions);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_KV_CACHE_PAGE_ALLOCATOR_H_
