#include "common/model/data_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/common/model/memory_model.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::testing::Each;
using ::testing::ElementsAre;

constexpr DataType kAllTypes[] = {DataType::kF32,  DataType::kF16,  DataType::kBf16,
                                  DataType::kQ8_0, DataType::kQ4_0, DataType::kQ4_1};

std::vector<float> Dequantized(DataType type, const std::string& block) {
  std::vector<float> values(BlockElements(type));
  Dequantize(type, FileBytes(block), values);
  return values;
}

TEST(DataTypeTest, BlocksAreThoseOfTheGgufSpecification) {
  const std::vector<int64_t> bytes = {4, 2, 2, 34, 18, 20};
  const std::vector<std::string> names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"};
  for (size_t i = 0; i < std::size(kAllTypes); ++i) {
    EXPECT_EQ(DataTypeName(kAllTypes[i]), names[i]);
    EXPECT_EQ(BlockBytes(kAllTypes[i]), bytes[i]) << names[i];
    EXPECT_EQ(BlockElements(kAllTypes[i]), i < 3 ? 1 : 32) << names[i];
  }
}

TEST(DataTypeTest, FloatsAreReadAsTheyAre) {
  EXPECT_THAT(Dequantized(DataType::kF32, std::string("\0\0\xc0\xbf", 4)), ElementsAre(-1.5f));
  EXPECT_THAT(Dequantized(DataType::kF16, std::string("\0\xbe", 2)), ElementsAre(-1.5f));
  EXPECT_THAT(Dequantized(DataType::kBf16, "\xc0\xbf"), ElementsAre(-1.5f));
}

// The scales are fp16: 0x3800 is 0.5, 0xbc00 is -1.
TEST(DataTypeTest, Q8Has32SignedBytesAfterTheScale) {
  std::string block = std::string("\0\x38", 2) + std::string(32, '\2');
  block[2] = static_cast<char>(-128);
  block[33] = 127;
  std::vector<float> expected(32, 1.0f);
  expected[0] = -64.0f;
  expected[31] = 63.5f;
  EXPECT_EQ(Dequantized(DataType::kQ8_0, block), expected);
}

TEST(DataTypeTest, Q4CentresItsStepsAtEight) {
  std::string block = std::string("\0\x38", 2) + std::string(16, '\x88');
  block[2] = '\xf0';
  std::vector<float> expected(32, 0.0f);
  expected[0] = -4.0f;  // the low half
  expected[16] = 3.5f;  // the high half
  EXPECT_EQ(Dequantized(DataType::kQ4_0, block), expected);
}

TEST(DataTypeTest, Q4WithMinimumCountsItsStepsFromThere) {
  std::string block = std::string("\0\x38\0\xbc", 4) + std::string(16, '\0');
  block[4] = '\xf0';
  std::vector<float> expected(32, -1.0f);
  expected[16] = 6.5f;
  EXPECT_EQ(Dequantized(DataType::kQ4_1, block), expected);
}

TEST(DataTypeTest, SeveralBlocksFollowOneAnother) {
  const std::string zero = std::string("\0\x38", 2) + std::string(16, '\x88');
  const std::string one = std::string("\0\x38", 2) + std::string(16, '\xaa');
  std::vector<float> values(64);
  Dequantize(DataType::kQ4_0, FileBytes(zero + one), values);
  EXPECT_THAT(std::span(values).first(32), Each(0.0f));
  EXPECT_THAT(std::span(values).last(32), Each(1.0f));
}

TEST(DataTypeDeathTest, AnOutputOfAnotherSizeIsAMistakeOfTheCaller) {
  std::vector<float> values(31);
  EXPECT_DEATH(Dequantize(DataType::kQ8_0, FileBytes(std::string(34, '\0')), values),
               "34 bytes of Q8_0 for 31 elements");
}

}  // namespace
}  // namespace chimera
