#include "common/tokenizer/incremental_decoder.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "common/tokenizer/utf8.h"
#include "tests/common/tokenizer/test_vocabulary.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

// A tokenizer of which each token is the piece of bytes it is given; it only decodes.
class PieceTokenizer final : public Tokenizer {
 public:
  explicit PieceTokenizer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view, SpecialTokens) const override {
    return absl::UnimplementedError("only decodes");
  }
  absl::string_view TokenBytes(int32_t token) const override { return pieces_[token]; }
  bool IsControl(int32_t token) const override { return pieces_[token] == "<|im_end|>"; }
  int32_t vocab_size() const override { return static_cast<int32_t>(pieces_.size()); }
  int32_t eos_id() const override { return -1; }

 private:
  std::vector<std::string> pieces_;
};

// Text of the pieces; every part of it must be whole characters.
std::string DecodePieces(const std::vector<std::string>& pieces) {
  const PieceTokenizer tokenizer(pieces);
  IncrementalDecoder decoder(&tokenizer);
  std::string text;
  for (int32_t token = 0; token < tokenizer.vocab_size(); ++token) {
    const std::string part = decoder.Append(token);
    EXPECT_EQ(ValidUtf8Prefix(part), part.size());
    text += part;
  }
  return text + decoder.Finish();
}

// `cuts` has bit i set where a piece ends after byte i.
std::vector<std::string> Cut(const std::string& bytes, uint32_t cuts) {
  std::vector<std::string> pieces(1);
  for (size_t i = 0; i < bytes.size(); ++i) {
    pieces.back() += bytes[i];
    if (cuts >> i & 1 && i + 1 < bytes.size()) pieces.emplace_back();
  }
  return pieces;
}

struct TrickyText {
  std::string bytes;
  std::string text;  // as bytes.decode("utf-8", "replace") of Python gives it
};

const TrickyText kTrickyTexts[] = {
    {"a\xC3\xA9z", "a\u00E9z"},
    {"\xE2\x82\xAC\xF0\x9F\x98\x80", "\u20AC\U0001F600"},
    {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", "\U0001F469\u200D\U0001F4BB"},
    {"\x80"
     "a\xFF\xFE",
     "\uFFFD"
     "a\uFFFD\uFFFD"},
    {"\xC0\xAF\xE0\x80\xBF", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
    {"\xED\xA0\x80\xED\xBF\xBF", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
    {"\xF4\x91\x92\x93\xFF"
     "A\x80\xBF"
     "B",
     "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
     "A\uFFFD\uFFFD"
     "B"},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
     "A",
     "\uFFFD\uFFFD\uFFFD\uFFFD"
     "A"},
    {"ok\xF0\x9F\x98", "ok\uFFFD"},
    {"\xF0\x9F\xC3\xA9\xE2", "\uFFFD\u00E9\uFFFD"},
};

TEST(IncrementalDecoderTest, EverySplitOfTrickyTextsGivesTheSameText) {
  for (const TrickyText& tricky : kTrickyTexts) {
    for (uint32_t cuts = 0; cuts < 1u << (tricky.bytes.size() - 1); ++cuts) {
      EXPECT_EQ(DecodePieces(Cut(tricky.bytes, cuts)), tricky.text) << "cuts " << cuts;
    }
  }
}

TEST(IncrementalDecoderTest, AnySplitOfAnyBytesGivesTheSameText) {
  std::mt19937 random(5);
  const std::string bytes =
      "\x80\xBF\xC3\xE0\xA0\xED\x9F\xE2\x82\xAC\xF0\x90\xF4\x8F"
      "ab";
  for (int round = 0; round < 3'000; ++round) {
    std::string text(1 + random() % 24, '\0');
    for (char& byte : text) byte = bytes[random() % bytes.size()];
    EXPECT_EQ(DecodePieces(Cut(text, random())), DecodePieces({text}));
  }
}

TEST(IncrementalDecoderTest, HoldsACharacterBackUntilItIsComplete) {
  const PieceTokenizer tokenizer({"x\xF0\x9F", "\x98", "\x80y"});
  IncrementalDecoder decoder(&tokenizer);
  EXPECT_EQ(decoder.Append(0), "x");
  EXPECT_EQ(decoder.Append(1), "");
  EXPECT_EQ(decoder.Append(2), "\U0001F600y");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(IncrementalDecoderTest, ControlTokensAddNoText) {
  EXPECT_EQ(DecodePieces({"a", "<|im_end|>", "b"}), "ab");
  EXPECT_EQ(DecodePieces({"\xC3", "<|im_end|>", "\xA9"}), "\u00E9");
  EXPECT_EQ(DecodePieces({"\xC3", "<|im_end|>"}), "\uFFFD");
}

TEST(IncrementalDecoderTest, CanBeUsedAgainAfterTheEnd) {
  const PieceTokenizer tokenizer({"\xC3", "\xA9"});
  IncrementalDecoder decoder(&tokenizer);
  EXPECT_EQ(decoder.Append(0), "");
  EXPECT_EQ(decoder.Finish(), "\uFFFD");
  EXPECT_EQ(decoder.Append(1), "\uFFFD");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(IncrementalDecoderTest, EmojiSplitOverByteTokens) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tokenizer> tokenizer,
                               Tokenizer::Create(testing::MakeVocabulary({})));
  const std::string family = "\U0001F468\u200D\U0001F469\u200D\U0001F467!";
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                               tokenizer->Encode(family, SpecialTokens::kParse));
  ASSERT_EQ(ids.size(), family.size());
  IncrementalDecoder decoder(tokenizer.get());
  std::vector<std::string> parts;
  for (const int32_t id : ids) {
    std::string part = decoder.Append(id);
    if (!part.empty()) parts.push_back(std::move(part));
  }
  EXPECT_EQ(parts, (std::vector<std::string>{"\U0001F468", "\u200D", "\U0001F469", "\u200D",
                                             "\U0001F467", "!"}));
}

}  // namespace
}  // namespace chimera
