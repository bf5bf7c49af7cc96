#include "verifier/kv_cache/page_allocator.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace chimera {
namespace {

TEST(PageAllocatorTest, LendsEachPageOnce) {
  PageAllocator allocator(10);
  const std::optional<PageTable> a = allocator.Allocate(4);
  const std::optional<PageTable> b = allocator.Allocate(6);
  ASSERT_TRUE(a.has_value() && b.has_value());
  std::set<int32_t> pages(a->pages().begin(), a->pages().end());
  pages.insert(b->pages().begin(), b->pages().end());
  EXPECT_EQ(pages.size(), 10u);
  EXPECT_EQ(allocator.free_count(), 0);
  EXPECT_FALSE(allocator.Allocate(1).has_value());
}

TEST(PageAllocatorTest, TakesPagesBackWhenTheTableGoes) {
  PageAllocator allocator(4);
  {
    std::optional<PageTable> table = allocator.Allocate(3);
    const PageTable moved = *std::move(table);
    table.reset();
    EXPECT_EQ(allocator.free_count(), 1);
  }
  EXPECT_EQ(allocator.free_count(), 4);
}

TEST(PageAllocatorTest, ReturnsToItsStartAfterManyLoans) {
  PageAllocator allocator(50);
  std::mt19937 random(3);
  std::vector<PageTable> held;
  for (int round = 0; round < 10'000; ++round) {
    if (random() % 2 == 0) {
      if (auto table = allocator.Allocate(static_cast<int32_t>(random() % 8))) {
        held.push_back(*std::move(table));
      }
    } else if (!held.empty()) {
      held.erase(held.begin() + static_cast<ptrdiff_t>(random() % held.size()));
    }
  }
  held.clear();
  EXPECT_EQ(allocator.free_count(), 50);
}

TEST(PageAllocatorTest, CountsPagesOfPositions) {
  EXPECT_EQ(PagesForPositions(0), 0);
  EXPECT_EQ(PagesForPositions(1), 1);
  EXPECT_EQ(PagesForPositions(16), 1);
  EXPECT_EQ(PagesForPositions(17), 2);
}

}  // namespace
}  // namespace chimera
