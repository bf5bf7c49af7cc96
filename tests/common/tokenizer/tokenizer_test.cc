// Byte-level BPE on a hand-made vocabulary.

#include "common/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/common/tokenizer/test_vocabulary.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using namespace chimera::testing;  // NOLINT: the vocabulary's words are what these tests speak
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "ab", "bc", " c" and a character of two bytes; "abc" can only be reached from "ab" + "c".
const std::vector<std::string> kMerges = {"a b", "b c", "\u0120 c", "\u00C3 \u00A9", "ab c"};
constexpr int32_t kAb = kFirstMerged, kBc = kAb + 1, kSpaceC = kAb + 2, kEAcute = kAb + 3,
                  kAbc = kAb + 4;

class TokenizerTest : public ::testing::Test {
 protected:
  void SetUp() override { Create(MakeVocabulary(kMerges)); }

  void Create(const Vocabulary& vocabulary) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(tokenizer_, Tokenizer::Create(vocabulary));
  }

  std::vector<int32_t> Encode(absl::string_view text,
                              SpecialTokens special_tokens = SpecialTokens::kParse) const {
    const absl::StatusOr<std::vector<int32_t>> ids = tokenizer_->Encode(text, special_tokens);
    CHIMERA_EXPECT_OK(ids);
    return ids.value_or(std::vector<int32_t>());
  }

  std::string Decode(const std::vector<int32_t>& ids) const {
    const absl::StatusOr<std::string> bytes = tokenizer_->Decode(ids);
    CHIMERA_EXPECT_OK(bytes);
    return bytes.value_or("");
  }

  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(TokenizerTest, MergesByRankWithinWords) {
  EXPECT_THAT(Encode("abc"), ElementsAre(kAbc));
  EXPECT_THAT(Encode("bc"), ElementsAre(kBc));
  EXPECT_THAT(Encode("b c"), ElementsAre(ByteToken('b'), kSpaceC));
  EXPECT_THAT(Encode("ab1c"), ElementsAre(kAb, ByteToken('1'), ByteToken('c')));
  EXPECT_THAT(Encode("\u00E9"), ElementsAre(kEAcute));
  EXPECT_THAT(Encode(""), IsEmpty());
}

TEST_F(TokenizerTest, SpecialTokensAreParsedOnlyWhenAsked) {
  EXPECT_THAT(Encode("ab<|im_end|>c<tool>"), ElementsAre(kAb, kMessageEnd, ByteToken('c'), kTool));
  EXPECT_THAT(Encode("<tool><call><tool><"), ElementsAre(kToolCall, kTool, ByteToken('<')));
  const std::vector<int32_t> as_text = Encode("<|im_end|><tool>", SpecialTokens::kAsText);
  EXPECT_EQ(as_text.size(), 16u);
  EXPECT_EQ(Decode(as_text), "<|im_end|><tool>");
}

TEST_F(TokenizerTest, InvalidUtf8IsEncodedByteByByte) {
  // Between bytes that are no text nothing is merged, not even what would be a token.
  EXPECT_THAT(Encode("ab\xC3"
                     "bc"),
              ElementsAre(kAb, ByteToken(0xC3), kBc));
  EXPECT_THAT(Encode("\xE2\x82"), ElementsAre(ByteToken(0xE2), ByteToken(0x82)));
  EXPECT_THAT(Encode("\xED\xA0\x80"),
              ElementsAre(ByteToken(0xED), ByteToken(0xA0), ByteToken(0x80)));
}

TEST_F(TokenizerTest, DecodingGivesBackAnyBytes) {
  std::mt19937 random(3);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random() % 60, '\0');
    for (char& byte : text)
      byte = static_cast<char>(round % 2 ? random() : "abc \xC3\xA9"[random() % 6]);
    EXPECT_EQ(Decode(Encode(text)), text);
    EXPECT_EQ(Decode(Encode(text, SpecialTokens::kAsText)), text);
  }
}

TEST_F(TokenizerTest, BytesWithoutATokenAreLeftOut) {
  Vocabulary vocabulary = MakeVocabulary(kMerges);
  vocabulary.types[ByteToken(0xFF)] = TokenType::kUnused;
  vocabulary.types[ByteToken(0x04)] = TokenType::kUnused;
  Create(vocabulary);
  EXPECT_THAT(Encode("ab\xFF"
                     "c\x04"),
              ElementsAre(kAb, ByteToken('c')));
}

TEST_F(TokenizerTest, BeginOfSequenceWhereTheVocabularyAsks) {
  Vocabulary vocabulary = MakeVocabulary(kMerges);
  vocabulary.add_bos = true;
  Create(vocabulary);
  EXPECT_THAT(Encode("ab"), ElementsAre(kMessageStart, kAb));
  vocabulary.bos_id = -1;
  Create(vocabulary);
  EXPECT_THAT(Encode("ab"), ElementsAre(kAb));
}

TEST_F(TokenizerTest, TokensKnowTheirBytesAndKind) {
  EXPECT_EQ(tokenizer_->vocab_size(), kAbc + 1);
  EXPECT_EQ(tokenizer_->eos_id(), kMessageEnd);
  EXPECT_EQ(tokenizer_->TokenBytes(kSpaceC), " c");
  EXPECT_EQ(tokenizer_->TokenBytes(kMessageEnd), "<|im_end|>");
  EXPECT_TRUE(tokenizer_->IsControl(kMessageEnd));
  EXPECT_FALSE(tokenizer_->IsControl(kTool));
  EXPECT_FALSE(tokenizer_->IsControl(kAbc));
}

TEST_F(TokenizerTest, DecodeNamesTheFirstBadId) {
  EXPECT_THAT(tokenizer_->Decode(std::vector<int32_t>{kAb, -1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("-1 at index 1")));
  EXPECT_THAT(tokenizer_->Decode(std::vector<int32_t>{kAbc + 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("265 at index 0")));
}

TEST_F(TokenizerTest, LongWordsTakeNoQuadraticTime) {
  const size_t size = size_t{1} << 19;
  for (const char byte : {'a', ' ', '\xFF'}) {
    EXPECT_EQ(Decode(Encode(std::string(size, byte))).size(), size);
  }
  std::string word;
  while (word.size() < size) word += "abc";
  EXPECT_EQ(Encode(word).size(), word.size() / 3);
}

TEST_F(TokenizerTest, TextHasALimit) {
  const std::string text(Tokenizer::kMaxTextBytes + 1, 'a');
  EXPECT_THAT(tokenizer_->Encode(text, SpecialTokens::kAsText),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("67108865 bytes")));
}

TEST_F(TokenizerTest, ThreadsShareOneTokenizer) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "abc \u00E9 ab<|im_end|>  bc'll 42\xFF";
  const std::vector<int32_t> expected = Encode(text);
  std::vector<std::vector<int32_t>> results(4);
  std::vector<std::thread> threads;
  for (std::vector<int32_t>& result : results) {
    threads.emplace_back([&, this] { result = Encode(text); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int32_t>& result : results) EXPECT_EQ(result, expected);
}

TEST(TokenizerCreateTest, UnknownKindsListWhatIsSupported) {
  Vocabulary vocabulary = MakeVocabulary({});
  vocabulary.tokenizer_model = "llama";
  EXPECT_THAT(Tokenizer::Create(vocabulary),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("\"llama\" is not supported; supported: gpt2")));
  vocabulary.tokenizer_model = "gpt2";
  vocabulary.pre_tokenizer = "";
  EXPECT_THAT(Tokenizer::Create(vocabulary),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("smollm")));
}

TEST(TokenizerCreateTest, MergesMustFitTheTokens) {
  for (const char* merge : {"a q", "ab", "a  b", "", " ", "a b c", "zz b"}) {
    Vocabulary vocabulary = MakeVocabulary({"a b"});
    vocabulary.merges.push_back(merge);
    EXPECT_THAT(Tokenizer::Create(vocabulary),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("merge 1 ")))
        << merge;
  }
  Vocabulary vocabulary = MakeVocabulary({"a b"});
  vocabulary.merges.push_back("a b");
  EXPECT_THAT(Tokenizer::Create(vocabulary),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("occurs twice")));
}

TEST(TokenizerCreateTest, TokensMustBeDistinctAndInTheByteAlphabet) {
  Vocabulary vocabulary = MakeVocabulary({});
  vocabulary.tokens[ByteToken('b')] = "a";
  EXPECT_THAT(Tokenizer::Create(vocabulary),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("token 102 \"a\"")));
  vocabulary.tokens[ByteToken('b')] = "a space";
  EXPECT_THAT(Tokenizer::Create(vocabulary),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("byte alphabet")));
}

TEST(TokenizerCreateTest, LlamaTakesWholeWordsThatNoMergesReach) {
  Vocabulary vocabulary = MakeVocabulary({"a b"});
  vocabulary.tokens.push_back("cab");
  vocabulary.types.push_back(TokenType::kNormal);
  const int32_t cab = static_cast<int32_t>(vocabulary.tokens.size()) - 1;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tokenizer> smollm,
                               Tokenizer::Create(vocabulary));
  EXPECT_THAT(*smollm->Encode("cab", SpecialTokens::kParse), ElementsAre(ByteToken('c'), kAb));
  vocabulary.pre_tokenizer = "llama-bpe";
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tokenizer> llama,
                               Tokenizer::Create(vocabulary));
  EXPECT_THAT(*llama->Encode("cab", SpecialTokens::kParse), ElementsAre(cab));
}

}  // namespace
}  // namespace chimera
