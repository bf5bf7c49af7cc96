#include "verifier/kv_cache/prefix_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace chimera {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr char kNumerics[] = "cpu-q4_1-1";

// Tokens that begin with `shared` equal ones and then depend on `kind`.
std::vector<int32_t> MakeTokens(int32_t count, int32_t shared, int32_t kind) {
  std::vector<int32_t> tokens(count);
  for (int32_t i = 0; i < count; ++i) tokens[i] = i < shared ? i % 7 : 100 * kind + i % 11;
  return tokens;
}

size_t CollidingHash(const PageKey&) { return 42; }

// Comparisons that overlook something: what the tests below must notice.
bool EqualByHashOnly(const PageKey&, const PageKey&) { return true; }
bool EqualWhateverTheNumerics(const PageKey& a, const PageKey& b) {
  return a.parent == b.parent && a.tokens == b.tokens;
}

class PrefixCacheTest : public ::testing::Test {
 protected:
  static constexpr int32_t kPages = 12;

  PrefixCacheTest() { Reset({}); }

  void Reset(const PageKeyLookup& lookup) {
    allocator_ = std::make_unique<PageAllocator>(kPages);
    cache_ = std::make_unique<PrefixCache>(allocator_.get(), lookup);
  }

  // Pages for the tokens, as if they had been computed, with all full ones in the cache.
  PageTable Compute(const std::vector<int32_t>& tokens, const std::string& numerics = kNumerics) {
    PageTable table(allocator_.get());
    EXPECT_TRUE(table.Extend(PagesForPositions(static_cast<int32_t>(tokens.size()))));
    const auto full = static_cast<int32_t>(tokens.size()) / kPagePositions;
    for (int32_t i = 0; i < full; ++i) cache_->Insert(numerics, tokens, i, &table);
    return table;
  }

  std::vector<int32_t> Match(const std::vector<int32_t>& tokens,
                             const std::string& numerics = kNumerics) {
    PageTable table(allocator_.get());
    cache_->Match(numerics, tokens, &table);
    return {table.pages().begin(), table.pages().end()};
  }

  std::unique_ptr<PageAllocator> allocator_;
  std::unique_ptr<PrefixCache> cache_;
};

TEST_F(PrefixCacheTest, FindsFullPagesOfACommonBeginning) {
  const PageTable table = Compute(MakeTokens(50, 50, 0));
  const std::span<const int32_t> pages = table.pages();
  EXPECT_THAT(Match(MakeTokens(50, 50, 0)), ElementsAre(pages[0], pages[1], pages[2]));
  EXPECT_THAT(Match(MakeTokens(80, 33, 1)), ElementsAre(pages[0], pages[1]));
  EXPECT_THAT(Match(MakeTokens(31, 31, 0)), ElementsAre(pages[0]));
  EXPECT_THAT(Match(MakeTokens(15, 15, 0)), IsEmpty());
  EXPECT_THAT(Match(MakeTokens(50, 15, 1)), IsEmpty());
}

TEST_F(PrefixCacheTest, PagesOutliveTheirSequence) {
  std::vector<int32_t> pages;
  {
    const PageTable table = Compute(MakeTokens(40, 40, 0));
    pages = {table.pages().begin(), table.pages().begin() + 2};
  }
  EXPECT_EQ(allocator_->available_count(), kPages);
  EXPECT_THAT(Match(MakeTokens(40, 40, 0)), ElementsAreArray(pages));
}

TEST_F(PrefixCacheTest, TheSamePageAfterAnotherBeginningIsAnotherPage) {
  std::vector<int32_t> a = MakeTokens(32, 0, 1), b = MakeTokens(32, 0, 1);
  b[3] = 99;
  const PageTable table = Compute(a);
  EXPECT_EQ(Match(a).size(), 2u);
  EXPECT_THAT(Match(b), IsEmpty());
}

TEST_F(PrefixCacheTest, WhatIsThereAlreadyIsSharedNotDoubled) {
  const PageTable first = Compute(MakeTokens(40, 40, 0));
  const PageTable second = Compute(MakeTokens(40, 40, 0));
  EXPECT_EQ(second.pages()[0], first.pages()[0]);
  EXPECT_EQ(second.pages()[1], first.pages()[1]);
  EXPECT_NE(second.pages()[2], first.pages()[2]);
  EXPECT_EQ(cache_->page_count(), 2);
  EXPECT_EQ(allocator_->available_count(), kPages - 4);
}

TEST_F(PrefixCacheTest, EvictedPagesAreForgottenFromTheEnd) {
  Compute(MakeTokens(48, 48, 0)).Clear();
  PageTable others(allocator_.get());
  ASSERT_TRUE(others.Extend(kPages - 2));
  EXPECT_EQ(Match(MakeTokens(48, 48, 0)).size(), 2u);
  ASSERT_TRUE(others.Extend(2));
  EXPECT_THAT(Match(MakeTokens(48, 48, 0)), IsEmpty());
  EXPECT_EQ(cache_->page_count(), 0);
}

TEST_F(PrefixCacheTest, ACollidingHashDoesNoHarm) {
  Reset({.hash = CollidingHash});
  const PageTable a = Compute(MakeTokens(32, 16, 1)), b = Compute(MakeTokens(32, 16, 2));
  EXPECT_THAT(Match(MakeTokens(32, 16, 1)), ElementsAreArray(a.pages()));
  EXPECT_THAT(Match(MakeTokens(32, 16, 2)), ElementsAreArray(b.pages()));
  EXPECT_THAT(Match(MakeTokens(32, 16, 3)), ElementsAre(a.pages()[0]));
}

TEST_F(PrefixCacheTest, TrustingTheHashAloneWouldBeNoticed) {
  Reset({.hash = CollidingHash, .equal = EqualByHashOnly});
  const PageTable a = Compute(MakeTokens(16, 0, 1));
  EXPECT_THAT(Match(MakeTokens(16, 0, 2)), ElementsAreArray(a.pages()));
}

TEST_F(PrefixCacheTest, OtherNumericsFindNothing) {
  const PageTable table = Compute(MakeTokens(32, 32, 0));
  EXPECT_THAT(Match(MakeTokens(32, 32, 0), "cpu-q8_0-1"), IsEmpty());
  const PageTable other = Compute(MakeTokens(32, 32, 0), "cpu-q8_0-1");
  EXPECT_NE(other.pages()[0], table.pages()[0]);
  EXPECT_THAT(Match(MakeTokens(32, 32, 0), "cpu-q8_0-1"), ElementsAreArray(other.pages()));
  EXPECT_THAT(Match(MakeTokens(32, 32, 0)), ElementsAreArray(table.pages()));
}

TEST_F(PrefixCacheTest, OverlookingTheNumericsWouldBeNoticed) {
  const auto hash = [](const PageKey& key) { return static_cast<size_t>(key.tokens[0]); };
  Reset({.hash = hash, .equal = EqualWhateverTheNumerics});
  const PageTable table = Compute(MakeTokens(32, 32, 0));
  EXPECT_THAT(Match(MakeTokens(32, 32, 0), "cpu-q8_0-1"), ElementsAreArray(table.pages()));
}

TEST_F(PrefixCacheTest, KeepsHiddenStatesOfOneVersion) {
  const PageTable table = Compute(MakeTokens(16, 16, 0));
  const int32_t page = table.pages()[0];
  EXPECT_THAT(cache_->HiddenStates(page, 3), IsEmpty());
  const std::vector<uint16_t> rows(2 * kPagePositions, 7);
  cache_->SetHiddenStates(page, 3, rows);
  EXPECT_THAT(cache_->HiddenStates(page, 3), ElementsAreArray(rows));
  EXPECT_THAT(cache_->HiddenStates(page, 4), IsEmpty());
}

// Sequences that come, share, and go at random never find a page of other tokens.
TEST_F(PrefixCacheTest, AFoundPageAlwaysHoldsTheTokensAskedFor) {
  std::mt19937 random(5);
  // What the pages hold, were they computed: all tokens up to their end.
  std::vector<std::vector<int32_t>> content(kPages);
  std::vector<PageTable> held;
  int64_t found = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (held.size() > 3 || (random() % 3 == 0 && !held.empty())) {
      held.erase(held.begin() + static_cast<ptrdiff_t>(random() % held.size()));
      continue;
    }
    const std::vector<int32_t> tokens =
        MakeTokens(static_cast<int32_t>(random() % 64), static_cast<int32_t>(random() % 4) * 16,
                   static_cast<int32_t>(random() % 3));
    PageTable table(allocator_.get());
    cache_->Match(kNumerics, tokens, &table);
    const auto full = static_cast<int32_t>(tokens.size()) / kPagePositions;
    const int32_t matched = table.size();
    found += matched;
    for (int32_t i = 0; i < matched; ++i) {
      const std::vector<int32_t> beginning(tokens.begin(), tokens.begin() + 16 * (i + 1));
      ASSERT_EQ(content[table.pages()[i]], beginning);
    }
    if (!table.Extend(full - matched)) continue;
    for (int32_t i = matched; i < full; ++i) {
      content[table.pages()[i]] = {tokens.begin(), tokens.begin() + 16 * (i + 1)};
      cache_->Insert(kNumerics, tokens, i, &table);
    }
    held.push_back(std::move(table));
  }
  EXPECT_GT(found, 1000);
  held.clear();
  EXPECT_EQ(allocator_->available_count(), kPages);
}

}  // namespace
}  // namespace chimera
