#include "common/cuda/kernels/fragment_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "common/base/float16.h"

namespace chimera {
namespace {

using Rows = std::vector<std::vector<float>>;

Rows RandomRows(int row_count, int columns) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Rows rows(row_count, std::vector<float>(columns));
  for (auto& row : rows) {
    for (float& x : row) x = normal(random);
  }
  return rows;
}

// What the PTX ISA says of operand A of mma.m16n8k16: register i of a lane holds row g, or g + 8
// where i is odd, columns 2 c and 2 c + 1, and 8 beyond in the last two.
TEST(FragmentWeightsTest, LanesHoldTheirFragment) {
  constexpr int kColumns = 48;
  const Rows rows = RandomRows(32, kColumns);
  std::vector<uint16_t> packed(32 * kColumns);
  for (int row = 0; row < 32; ++row) PackFragmentRow(rows[row], row, packed);
  size_t next = 0;
  for (int tile = 0; tile < 2 * kColumns / 16; ++tile) {
    const int first_row = tile / (kColumns / 16) * 16;
    const int first_column = tile % (kColumns / 16) * 16;
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < 8; ++i) {
        const int row = first_row + lane / 4 + i / 2 % 2 * 8;
        const int column = first_column + lane % 4 * 2 + i % 2 + i / 4 * 8;
        EXPECT_EQ(packed[next], FloatToBf16(rows[row][column])) << tile << " " << lane << " " << i;
        EXPECT_EQ(FragmentWeightIndex(row, column, kColumns), static_cast<int64_t>(next));
        ++next;
      }
    }
  }
}

TEST(FragmentWeightsTest, PacksSixteenRowsAtATime) {
  constexpr int kColumns = 80;
  constexpr int kTile = 16 * kColumns;
  const Rows rows = RandomRows(48, kColumns);
  std::vector<uint16_t> whole(48 * kColumns);
  for (int row = 47; row >= 0; --row) PackFragmentRow(rows[row], row, whole);
  for (int tile = 0; tile < 3; ++tile) {
    std::vector<uint16_t> part(kTile);
    for (int row = 0; row < 16; ++row) PackFragmentRow(rows[tile * 16 + row], row, part);
    EXPECT_TRUE(std::ranges::equal(part, std::span(whole).subspan(tile * kTile, kTile)));
  }
}

TEST(FragmentWeightsTest, Bf16RowsStayAsTheyAre) {
  std::vector<uint16_t> row(16);
  for (int i = 0; i < 16; ++i) row[i] = static_cast<uint16_t>(0x7f81 + 3 * i);
  std::vector<uint16_t> packed(256);
  PackFragmentRow(row, 5, packed);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(packed[FragmentWeightIndex(5, i, 16)], row[i]);
  EXPECT_EQ(std::ranges::count(packed, 0), 240);
}

TEST(FragmentWeightsDeathTest, RefusesWhatDoesNotFit) {
  std::vector<uint16_t> packed(256);
  EXPECT_DEATH(PackFragmentRow(std::vector<float>(8), 0, packed), "8 columns");
  EXPECT_DEATH(PackFragmentRow(std::vector<float>(32), 0, packed), "no multiple of 16 rows");
  EXPECT_DEATH(PackFragmentRow(std::vector<float>(16), 16, packed), "row 16 of 16");
}

}  // namespace
}  // namespace chimera
