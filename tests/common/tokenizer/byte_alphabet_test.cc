#include "common/tokenizer/byte_alphabet.h"

#include <gtest/gtest.h>

#include "tests/common/tokenizer/test_vocabulary.h"

namespace chimera {
namespace {

TEST(ByteAlphabetTest, KnowsEveryByte) {
  const std::vector<std::string> alphabet = testing::ByteAlphabet();
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(BytesFromAlphabet(alphabet[byte]), std::string(1, static_cast<char>(byte)));
  }
}

TEST(ByteAlphabetTest, ReadsTokensAsFilesHaveThem) {
  EXPECT_EQ(BytesFromAlphabet("\u0120the"), " the");
  EXPECT_EQ(BytesFromAlphabet("\u010A\u0109"), "\n\t");
  EXPECT_EQ(BytesFromAlphabet("\u00E2\u0124\u00AC"), "\u20AC");
  EXPECT_EQ(BytesFromAlphabet(""), "");
}

TEST(ByteAlphabetTest, RefusesOtherCharacters) {
  EXPECT_EQ(BytesFromAlphabet("a b"), std::nullopt);     // a space is written U+0120
  EXPECT_EQ(BytesFromAlphabet("\u00AD"), std::nullopt);  // soft hyphen is written U+0143
  EXPECT_EQ(BytesFromAlphabet("\u0144"), std::nullopt);  // one beyond the last
  EXPECT_EQ(BytesFromAlphabet("\u2581"), std::nullopt);
  EXPECT_EQ(BytesFromAlphabet("\xFF"), std::nullopt);
  EXPECT_EQ(BytesFromAlphabet("a\xC4"), std::nullopt);
}

}  // namespace
}  // namespace chimera
