#include "common/tokenizer/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Split(absl::string_view name, absl::string_view text) {
  const absl::StatusOr<PreTokenizer> pre_tokenizer = PreTokenizer::Create(name);
  CHIMERA_EXPECT_OK(pre_tokenizer);
  std::vector<std::string> words;
  CHIMERA_EXPECT_OK(
      pre_tokenizer->Split(text, [&](absl::string_view word) { words.emplace_back(word); }));
  return words;
}

TEST(PreTokenizerTest, EmptyTextHasNoWords) { EXPECT_THAT(Split("smollm", ""), ElementsAre()); }

TEST(PreTokenizerTest, SmolLmSplitsWordsContractionsAndPunctuation) {
  EXPECT_THAT(Split("smollm", "I'll say it's \u00FCber-cool, they'Re"),
              ElementsAre("I", "'ll", " say", " it", "'s", " \u00FCber", "-", "cool", ",", " they",
                          "'", "Re"));
}

TEST(PreTokenizerTest, SmolLmCutsEveryNumberOutFirst) {
  EXPECT_THAT(Split("smollm", "a 12b"), ElementsAre("a", " ", "1", "2", "b"));
  // Both spaces stay together, as they would at the end of a text.
  EXPECT_THAT(Split("smollm", "a  1"), ElementsAre("a", "  ", "1"));
  EXPECT_THAT(Split("smollm", "\u0663\u00B2\u2167\u3007"),
              ElementsAre("\u0663", "\u00B2", "\u2167", "\u3007"));
}

TEST(PreTokenizerTest, SpacesLeaveTheLastToTheNextWord) {
  EXPECT_THAT(Split("smollm", "a   b \n\n c  "), ElementsAre("a", "  ", " b", " \n\n", " c", "  "));
  EXPECT_THAT(Split("smollm", "a\u3000\u00A0b"), ElementsAre("a", "\u3000", "\u00A0", "b"));
  EXPECT_THAT(Split("smollm", "a\r\n\r\nb"), ElementsAre("a", "\r\n\r", "\n", "b"));
}

TEST(PreTokenizerTest, MongolianVowelSeparatorIsNoSpace) {
  EXPECT_THAT(Split("smollm", "a \u180E!"), ElementsAre("a", " \u180E!"));
}

TEST(PreTokenizerTest, Gpt2KeepsNumbersTogether) {
  EXPECT_THAT(Split("gpt-2", "a 123  45"), ElementsAre("a", " 123", " ", " 45"));
}

TEST(PreTokenizerTest, LlamaTakesThreeDigitsAndLineEnds) {
  EXPECT_THAT(Split("llama-bpe", "It'S 12345 (ok)!\n\n  x\n"),
              ElementsAre("It", "'S", " ", "123", "45", " (", "ok", ")!\n\n", " ", " x", "\n"));
}

TEST(PreTokenizerTest, UnknownNameListsWhatIsSupported) {
  EXPECT_THAT(PreTokenizer::Create("tekken"),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("\"tekken\""), HasSubstr("smollm, gpt-2, llama-bpe"))));
}

TEST(PreTokenizerTest, MatchLimitIsAnError) {
  // The only alternative that ever goes back over what it took looks for a line end after spaces.
  const std::string text = "word" + std::string(10'000, ' ');
  CHIMERA_ASSERT_OK_AND_ASSIGN(const PreTokenizer strict,
                               PreTokenizer::Create("llama-bpe", {.match_limit = 1'000}));
  EXPECT_THAT(strict.Split(text, [](absl::string_view) {}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("byte 4"), HasSubstr("match limit"))));
  EXPECT_THAT(Split("llama-bpe", text), ElementsAre("word", std::string(10'000, ' ')));
}

}  // namespace
}  // namespace chimera
