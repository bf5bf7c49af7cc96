#include "verifier/kv_cache/page_allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace chimera {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PageAllocatorTest : public ::testing::Test {
 protected:
  PageAllocatorTest() {
    allocator_.SetEvictionListener([this](int32_t page) { evicted_.push_back(page); });
  }

  // A table of new pages, all of them worth keeping.
  PageTable MakeKept(int32_t count) {
    PageTable table(&allocator_);
    EXPECT_TRUE(table.Extend(count));
    for (const int32_t page : table.pages()) allocator_.Keep(page);
    return table;
  }

  PageAllocator allocator_{6};
  std::vector<int32_t> evicted_;
};

TEST_F(PageAllocatorTest, LendsEachPageOnce) {
  PageTable a(&allocator_), b(&allocator_), c(&allocator_);
  ASSERT_TRUE(a.Extend(2));
  ASSERT_TRUE(b.Extend(1));
  ASSERT_TRUE(a.Extend(3));
  std::set<int32_t> pages(a.pages().begin(), a.pages().end());
  pages.insert(b.pages().begin(), b.pages().end());
  EXPECT_EQ(pages.size(), 6u);
  EXPECT_EQ(allocator_.available_count(), 0);
  EXPECT_FALSE(c.Extend(1));
  EXPECT_TRUE(c.Extend(0));
}

TEST_F(PageAllocatorTest, ExtendsByAllOrNothing) {
  PageTable table(&allocator_);
  EXPECT_FALSE(table.Extend(7));
  EXPECT_EQ(table.size(), 0);
  EXPECT_EQ(allocator_.available_count(), 6);
}

TEST_F(PageAllocatorTest, TakesPagesBackWhenTheTableGoes) {
  {
    PageTable table(&allocator_);
    ASSERT_TRUE(table.Extend(3));
    const PageTable moved = std::move(table);
    EXPECT_EQ(allocator_.available_count(), 3);
  }
  EXPECT_EQ(allocator_.available_count(), 6);
}

TEST_F(PageAllocatorTest, ASharedPageIsBackWhenItsLastHolderGoes) {
  PageTable a(&allocator_), b(&allocator_);
  ASSERT_TRUE(a.Extend(2));
  b.AppendShared(a.pages()[0]);
  EXPECT_EQ(allocator_.holders(a.pages()[0]), 2);
  a.Clear();
  EXPECT_EQ(allocator_.available_count(), 5);
  b.Clear();
  EXPECT_EQ(allocator_.available_count(), 6);
}

TEST_F(PageAllocatorTest, ReplacingAPageGivesUpTheOldOne) {
  PageTable a(&allocator_), b(&allocator_);
  ASSERT_TRUE(a.Extend(1));
  ASSERT_TRUE(b.Extend(2));
  b.ReplaceByShared(0, a.pages()[0]);
  EXPECT_EQ(b.pages()[0], a.pages()[0]);
  EXPECT_EQ(allocator_.holders(a.pages()[0]), 2);
  EXPECT_EQ(allocator_.available_count(), 4);
}

TEST_F(PageAllocatorTest, KeptPagesAreTakenLastAndFromTheEndOfTheOldest) {
  PageTable first = MakeKept(2), second = MakeKept(2);
  const std::vector<int32_t> first_pages(first.pages().begin(), first.pages().end());
  const std::vector<int32_t> second_pages(second.pages().begin(), second.pages().end());
  first.Clear();
  second.Clear();
  EXPECT_EQ(allocator_.kept_count(), 4);
  EXPECT_EQ(allocator_.available_count(), 6);
  PageTable table(&allocator_);
  ASSERT_TRUE(table.Extend(2));
  EXPECT_THAT(evicted_, IsEmpty());
  ASSERT_TRUE(table.Extend(3));
  EXPECT_THAT(evicted_, ElementsAre(first_pages[1], first_pages[0], second_pages[1]));
}

TEST_F(PageAllocatorTest, AKeptPageThatIsUsedAgainIsTheNewest) {
  PageTable first = MakeKept(1), second = MakeKept(1);
  const int32_t page = first.pages()[0], other = second.pages()[0];
  first.Clear();
  second.Clear();
  PageTable again(&allocator_);
  again.AppendShared(page);
  EXPECT_EQ(allocator_.available_count(), 5);
  again.Clear();
  PageTable all(&allocator_);
  ASSERT_TRUE(all.Extend(6));
  EXPECT_THAT(evicted_, ElementsAre(other, page));
}

TEST_F(PageAllocatorTest, AnEvictedPageIsNotKeptAgain) {
  MakeKept(6).Clear();
  PageTable table(&allocator_);
  ASSERT_TRUE(table.Extend(6));
  table.Clear();
  EXPECT_EQ(allocator_.kept_count(), 0);
  EXPECT_EQ(allocator_.available_count(), 6);
}

TEST_F(PageAllocatorTest, ReturnsToItsStartAfterManyLoans) {
  PageAllocator allocator(50);
  std::mt19937 random(3);
  std::vector<PageTable> held;
  for (int round = 0; round < 10'000; ++round) {
    const uint32_t kind = random() % 4;
    if (kind < 2) {
      PageTable table(&allocator);
      if (!held.empty() && kind == 1) {
        for (const int32_t page : held[random() % held.size()].pages()) table.AppendShared(page);
      }
      if (!table.Extend(static_cast<int32_t>(random() % 8))) continue;
      if (table.size() > 0) allocator.Keep(table.pages()[0]);
      held.push_back(std::move(table));
    } else if (!held.empty()) {
      held.erase(held.begin() + static_cast<ptrdiff_t>(random() % held.size()));
    }
  }
  held.clear();
  EXPECT_EQ(allocator.available_count(), 50);
  for (int32_t page = 0; page < 50; ++page) EXPECT_EQ(allocator.holders(page), 0);
}

TEST(PagesForPositionsTest, RoundsUp) {
  EXPECT_EQ(PagesForPositions(0), 0);
  EXPECT_EQ(PagesForPositions(1), 1);
  EXPECT_EQ(PagesForPositions(16), 1);
  EXPECT_EQ(PagesForPositions(17), 2);
}

}  // namespace
}  // namespace chimera
