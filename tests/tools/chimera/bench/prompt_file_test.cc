#include "tools/chimera/bench/prompt_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/base/status_macros.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The texts alone.
absl::StatusOr<std::vector<std::string>> Read(const std::string& text, int limit = 0) {
  std::istringstream input(text);
  CHIMERA_ASSIGN_OR_RETURN(const auto prompts, ReadPrompts(input, limit));
  std::vector<std::string> texts;
  for (const BenchPrompt& prompt : prompts) texts.push_back(prompt.text);
  return texts;
}

TEST(PromptFileTest, ReadsPromptsAndFirstTurns) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto prompts, Read("{\"prompt\": \"a\\nb\"}\n"
                                                        "\n"
                                                        "{\"turns\": [\"c\", \"d\"], \"id\": 3}\r\n"
                                                        "{\"prompt\": \"e\", \"turns\": [\"f\"]}"));
  EXPECT_THAT(prompts, ElementsAre("a\nb", "c", "e"));
}

TEST(PromptFileTest, ReadsCategories) {
  std::istringstream input(
      "{\"category\": \"math\", \"turns\": [\"a\"]}\n"
      "{\"prompt\": \"b\", \"category\": 3, \"x\": {\"category\": \"y\"}}\n"
      "{\"category\": \"u\", \"prompt\": \"c\", \"category\": \"v\"}\n");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto prompts, ReadPrompts(input, /*limit=*/0));
  EXPECT_THAT(prompts,
              ElementsAre(BenchPrompt{"a", "math"}, BenchPrompt{"b", ""}, BenchPrompt{"c", "v"}));
}

TEST(PromptFileTest, OfEqualKeysTheLastCounts) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto prompts,
                               Read("{\"prompt\": \"a\", \"prompt\": \"b\"}\n"
                                    "{\"turns\": [\"c\"], \"turns\": [\"d\"]}"));
  EXPECT_THAT(prompts, ElementsAre("b", "d"));
  EXPECT_FALSE(Read("{\"prompt\": \"a\", \"prompt\": 1}").ok());
  EXPECT_FALSE(Read("{\"turns\": [\"a\"], \"turns\": 1}").ok());
}

TEST(PromptFileTest, KeysDeeperInTheObjectDoNotCount) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const auto prompts,
      Read("{\"a\": {\"prompt\": \"b\", \"turns\": [\"c\"]}, \"turns\": [\"d\", [\"e\"]]}"));
  EXPECT_THAT(prompts, ElementsAre("d"));
  EXPECT_FALSE(Read("{\"a\": {\"prompt\": \"b\"}}").ok());
  EXPECT_FALSE(Read("{\"turns\": {\"a\": \"b\"}}").ok());
  EXPECT_FALSE(Read("{\"turns\": [[\"a\"], \"b\"]}").ok());
}

TEST(PromptFileTest, StopsAtTheLimit) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto prompts,
                               Read("{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\nnot read", 2));
  EXPECT_THAT(prompts, ElementsAre("a", "b"));
}

TEST(PromptFileTest, NamesTheLineThatIsWrong) {
  const auto is_error = [](const char* text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  const std::string good = "{\"prompt\": \"a\"}\n\n";
  EXPECT_THAT(Read(good + "{\"prompt\": "), is_error("line 3: not valid JSON"));
  EXPECT_THAT(Read(good + "\xff\n"), is_error("line 3: not valid JSON"));
  EXPECT_THAT(Read("[1]\n"), is_error("line 1: not a JSON object"));
  EXPECT_THAT(Read("{\"text\": \"a\"}\n"), is_error("line 1: has neither"));
  EXPECT_THAT(Read("{\"prompt\": 1}\n"), is_error("line 1: has neither"));
  EXPECT_THAT(Read("{\"turns\": \"a\"}\n"), is_error("line 1: has neither"));
  EXPECT_THAT(Read("{\"turns\": []}\n"), is_error("line 1: has neither"));
  EXPECT_THAT(Read("{\"turns\": [{}]}\n"), is_error("line 1: has neither"));
  EXPECT_THAT(Read("{\"prompt\": \"\"}\n"), is_error("line 1: the prompt is empty"));
  EXPECT_THAT(Read("\n\n"), is_error("there are no prompts"));
  EXPECT_THAT(Read(good + std::string(9 << 20, ' ')),
              is_error("line 3: longer than 8388608 bytes"));
}

TEST(PromptFileTest, NamesTheFileThatIsMissing) {
  EXPECT_THAT(ReadPromptFile("/nowhere/prompts.jsonl", 0),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/prompts.jsonl")));
}

}  // namespace
}  // namespace chimera
