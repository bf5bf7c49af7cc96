// Hands out the pages of a backend's K/V pool.

#ifndef CHIMERA_VERIFIER_KV_CACHE_PAGE_ALLOCATOR_H_
#define CHIMERA_VERIFIER_KV_CACHE_PAGE_ALLOCATOR_H_

#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <utility>
#include <vector>

namespace chimera {

class PageAllocator;

// Pages that one sequence holds, in order of position; others may hold some of them too. Move-only;
// gives them up when destroyed. The allocator must outlive it. The engine's thread only.
class PageTable {
 public:
  PageTable() = default;
  explicit PageTable(PageAllocator* allocator) : allocator_(allocator) {}
  PageTable(PageTable&& other) noexcept;
  PageTable& operator=(PageTable&& other) noexcept;
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;
  ~PageTable() { Clear(); }

  std::span<const int32_t> pages() const { return pages_; }
  int32_t size() const { return static_cast<int32_t>(pages_.size()); }

  // Appends `count` pages that nobody else holds; or nothing, returning false, if there are too
  // few. REQUIRES: count >= 0.
  bool Extend(int32_t count);

  // Appends a page that others hold, or that is kept.
  void AppendShared(int32_t page);

  // Holds `page`, with the same content, in place of the one at `index`.
  void ReplaceByShared(int32_t index, int32_t page);

  // Gives up all pages.
  void Clear();

 private:
  PageAllocator* allocator_ = nullptr;
  std::vector<int32_t> pages_;
};

// Counts who holds which page; the memory itself is the backend's. A page that nobody holds is
// either free or, if its content was marked as worth keeping, kept until no page is free any more.
// Then the page that was given up longest ago is taken. Not thread-safe.
class PageAllocator {
 public:
  // Called when a kept page is taken away, before it is lent again.
  using EvictionListener = std::function<void(int32_t page)>;

  explicit PageAllocator(int32_t page_count);
  PageAllocator(const PageAllocator&) = delete;
  PageAllocator& operator=(const PageAllocator&) = delete;

  void SetEvictionListener(EvictionListener listener) { listener_ = std::move(listener); }

  // Marks the content of a page that is held as worth keeping, until the page is evicted.
  void Keep(int32_t page);

  int32_t page_count() const { return static_cast<int32_t>(pages_.size()); }
  // Pages that nobody holds, kept ones included: so many may be lent.
  int32_t available_count() const { return static_cast<int32_t>(free_.size() + kept_.size()); }
  // Pages that nobody holds and whose content is kept.
  int32_t kept_count() const { return static_cast<int32_t>(kept_.size()); }
  // How many tables hold a page.
  int32_t holders(int32_t page) const { return pages_[page].holders; }

 private:
  friend class PageTable;
  struct Page {
    int32_t holders = 0;
    bool worth_keeping = false;
    std::list<int32_t>::iterator kept = {};  // valid while nobody holds a page worth keeping
  };

  int32_t Take();  // REQUIRES: available_count() > 0
  void Hold(int32_t page);
  void GiveUp(int32_t page);

  std::vector<Page> pages_;
  std::vector<int32_t> free_;  // the next page to lend is at the back
  std::list<int32_t> kept_;    // the next page to evict is at the front
  EvictionListener listener_;
};

// Pages that hold `positions` positions.
int32_t PagesForPositions(int32_t positions);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_KV_CACHE_PAGE_ALLOCATOR_H_
