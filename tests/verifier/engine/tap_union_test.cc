#include "verifier/engine/tap_union.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace chimera {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int32_t kMaxInt = std::numeric_limits<int32_t>::max();

TEST(TapUnionTest, NobodyTapsAnythingAtFirst) {
  const TapUnion taps(2, 4);
  EXPECT_THAT(taps.layers(), IsEmpty());
  EXPECT_EQ(taps.row_size(), 0);
  EXPECT_EQ(taps.row_size(1), 0);
  EXPECT_GT(taps.history_window(), 0);
}

TEST(TapUnionTest, PicksOutWhatEachDrafterAskedFor) {
  TapUnion taps(3, 2);
  taps.Set(0, std::vector<int32_t>{1, 7}, 10);
  taps.Set(1, std::vector<int32_t>{3, 7}, 100);
  EXPECT_THAT(taps.layers(), ElementsAre(1, 3, 7));
  EXPECT_EQ(taps.row_size(), 6);
  EXPECT_EQ(taps.row_size(0), 4);
  EXPECT_EQ(taps.row_size(2), 0);
  EXPECT_EQ(taps.history_window(), 100);
  // Two rows; the elements say layer and position.
  const std::vector<uint16_t> rows = {10, 10, 30, 30, 70, 70, 11, 11, 31, 31, 71, 71};
  std::vector<uint16_t> memory;
  EXPECT_THAT(taps.Select(0, rows, &memory), ElementsAre(10, 10, 70, 70, 11, 11, 71, 71));
  EXPECT_THAT(taps.Select(1, rows, &memory), ElementsAre(30, 30, 70, 70, 31, 31, 71, 71));
  EXPECT_THAT(taps.Select(2, rows, &memory), IsEmpty());
}

TEST(TapUnionTest, WholeRowsAreNotCopied) {
  TapUnion taps(2, 2);
  taps.Set(0, std::vector<int32_t>{1, 3}, 10);
  taps.Set(1, std::vector<int32_t>{3}, 10);
  const std::vector<uint16_t> rows = {10, 10, 30, 30};
  std::vector<uint16_t> memory;
  EXPECT_EQ(taps.Select(0, rows, &memory).data(), rows.data());
  EXPECT_THAT(memory, IsEmpty());
}

TEST(TapUnionTest, TheVersionChangesOnlyWithWhatIsKept) {
  TapUnion taps(2, 2);
  taps.Set(0, std::vector<int32_t>{1, 3}, 100);
  const int64_t version = taps.version();
  // The same again, as after a reconnection, and a drafter that adds nothing.
  taps.Set(0, std::vector<int32_t>{1, 3}, 100);
  taps.Set(1, std::vector<int32_t>{3}, 50);
  EXPECT_EQ(taps.version(), version);
  taps.Set(1, std::vector<int32_t>{3}, 200);
  EXPECT_GT(taps.version(), version);
  const int64_t later = taps.version();
  taps.Set(1, std::vector<int32_t>{2, 3}, 200);
  EXPECT_GT(taps.version(), later);
}

TEST(TapUnionTest, TheHistoryIsBoundedByMemory) {
  // 8 KiB a position: 4096 of them are 32 MiB.
  TapUnion taps(1, 4096);
  taps.Set(0, std::vector<int32_t>{5}, 4095);
  EXPECT_EQ(taps.history_window(), 4095);
  taps.Set(0, std::vector<int32_t>{5}, kMaxInt);
  EXPECT_EQ(taps.history_window(), 4096);
  taps.Set(0, std::vector<int32_t>{5, 6}, kMaxInt);
  EXPECT_EQ(taps.history_window(), 2048);
}

TEST(TapUnionTest, WhatAStepAddsIsAlwaysKept) {
  TapUnion taps(1, 4);
  taps.Set(0, std::vector<int32_t>{5}, 1);
  EXPECT_EQ(taps.history_window(), 64);
}

}  // namespace
}  // namespace chimera
