#include "verifier/engine/hidden_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace chimera {
namespace {

using ::testing::ElementsAre;

std::vector<uint16_t> Row(int position) {
  return {static_cast<uint16_t>(position), static_cast<uint16_t>(position + 1000)};
}

TEST(HiddenHistoryTest, KeepsAtLeastTheWindow) {
  HiddenHistory history;
  history.Reset(2, 3);
  for (int position = 5; position < 40; ++position) {
    history.Append(position, Row(position));
    EXPECT_EQ(history.end(), position + 1);
    EXPECT_LE(history.start(), std::max(5, position - 2));
    EXPECT_LT(history.end() - history.start(), 6);
    EXPECT_THAT(history.Rows(position, position + 1), ElementsAre(position, position + 1000));
  }
}

TEST(HiddenHistoryTest, AnEndlessWindowKeepsEverything) {
  HiddenHistory history;
  history.Reset(2, std::numeric_limits<int32_t>::max());
  for (int position = 0; position < 1000; ++position) history.Append(position, Row(position));
  EXPECT_EQ(history.start(), 0);
  EXPECT_EQ(history.Rows(0, 1000).size(), 2000u);
}

TEST(HiddenHistoryTest, AGapStartsAfresh) {
  HiddenHistory history;
  history.Reset(2, 8);
  history.Append(1, Row(1));
  history.Append(7, Row(7));
  EXPECT_EQ(history.start(), 7);
  EXPECT_THAT(history.Rows(7, 8), ElementsAre(7, 1007));
}

TEST(HiddenHistoryTest, RowsOfNoSizeKeepNothing) {
  HiddenHistory history;
  history.Append(3, {});
  EXPECT_EQ(history.start(), history.end());
}

}  // namespace
}  // namespace chimera
