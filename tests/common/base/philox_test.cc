#include "common/base/philox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chimera {
namespace {

using ::testing::ElementsAre;

// Known answers published with Random123 (tests/kat_vectors, "philox4x32 10").
TEST(PhiloxTest, GivesThePublishedAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(
      Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(PhiloxTest, KeyIsTheLowHalfThenTheHighHalf) {
  EXPECT_THAT(MakePhiloxKey(0x299f31d0'a4093822), ElementsAre(0xa4093822, 0x299f31d0));
}

TEST(PhiloxTest, BatchEqualsOneByOneAndWrapsAround) {
  const PhiloxKey key = {0x12345678, 0x9abcdef0};
  for (const uint32_t first : {0u, 8u, 12280u, 0xfffffffcu}) {
    std::array<uint32_t, 4 * kPhiloxBatch> batch, portable;
    Philox4x32Batch({7, 8, first, 9}, key, batch);
    PortablePhilox4x32Batch({7, 8, first, 9}, key, portable);
    EXPECT_EQ(batch, portable);
    for (int i = 0; i < kPhiloxBatch; ++i) {
      const PhiloxWords expected = Philox4x32({7, 8, first + static_cast<uint32_t>(i), 9}, key);
      for (int word = 0; word < 4; ++word) {
        EXPECT_EQ(batch[word * kPhiloxBatch + i], expected[word]) << first << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace chimera
