#include "common/tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace chimera {
namespace {

std::string Encode(uint32_t code_point) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (code_point < 0x80) return {byte(code_point)};
  const char last = byte(0x80 | (code_point & 0x3F));
  if (code_point < 0x800) return {byte(0xC0 | code_point >> 6), last};
  const char third = byte(0x80 | (code_point >> 6 & 0x3F));
  if (code_point < 0x10000) return {byte(0xE0 | code_point >> 12), third, last};
  const char second = byte(0x80 | (code_point >> 12 & 0x3F));
  return {byte(0xF0 | code_point >> 18), second, third, last};
}

bool IsSurrogate(uint32_t code_point) { return code_point >= 0xD800 && code_point < 0xE000; }

void ExpectNext(absl::string_view text, Utf8Kind kind, size_t size) {
  const Utf8Sequence next = NextUtf8(text);
  EXPECT_EQ(next.kind, kind);
  EXPECT_EQ(next.size, size);
}

TEST(Utf8Test, KnowsEveryCharacterAndEveryUnfinishedOne) {
  for (uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (IsSurrogate(code_point)) continue;
    const std::string character = Encode(code_point);
    const Utf8Sequence whole = NextUtf8(character + "\x80");
    ASSERT_TRUE(whole.kind == Utf8Kind::kCharacter && whole.size == character.size()) << code_point;
    for (size_t cut = 1; cut < character.size(); ++cut) {
      const Utf8Sequence part = NextUtf8(absl::string_view(character).substr(0, cut));
      ASSERT_TRUE(part.kind == Utf8Kind::kUnfinished && part.size == cut) << code_point;
    }
  }
}

TEST(Utf8Test, InvalidSequencesEndWhereNoCharacterCanComeOfThem) {
  ExpectNext("\x80", Utf8Kind::kInvalid, 1);
  ExpectNext("\xC0\x80", Utf8Kind::kInvalid, 1);          // overlong
  ExpectNext("\xC1\xBF", Utf8Kind::kInvalid, 1);          // overlong
  ExpectNext("\xE0\x9F\xBF", Utf8Kind::kInvalid, 1);      // overlong
  ExpectNext("\xF0\x8F\xBF\xBF", Utf8Kind::kInvalid, 1);  // overlong
  ExpectNext("\xED\xA0\x80", Utf8Kind::kInvalid, 1);      // surrogate
  ExpectNext("\xF4\x90\x80\x80", Utf8Kind::kInvalid, 1);  // above U+10FFFF
  ExpectNext("\xF5\x80\x80\x80", Utf8Kind::kInvalid, 1);
  ExpectNext("\xFF", Utf8Kind::kInvalid, 1);
  ExpectNext("\xC3(", Utf8Kind::kInvalid, 1);
  ExpectNext("\xE2\x82(", Utf8Kind::kInvalid, 2);
  ExpectNext("\xF0\x9F\x98(", Utf8Kind::kInvalid, 3);
}

TEST(Utf8Test, NoSequenceOfTwoBytesIsTakenForMoreThanItIs) {
  int characters = 0;
  for (int first = 0x80; first < 0x100; ++first) {
    for (int second = 0; second < 0x100; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      if (NextUtf8(text).kind == Utf8Kind::kCharacter) ++characters;
    }
  }
  EXPECT_EQ(characters, 0x800 - 0x80);
}

TEST(Utf8Test, ValidPrefixStopsAtTheFirstFault) {
  EXPECT_EQ(ValidUtf8Prefix(""), 0u);
  EXPECT_EQ(ValidUtf8Prefix("caf\xC3\xA9"), 5u);
  EXPECT_EQ(ValidUtf8Prefix("caf\xC3"), 3u);
  EXPECT_EQ(ValidUtf8Prefix("\xFF"
                            "abc"),
            0u);
}

}  // namespace
}  // namespace chimera
