#include "common/model/vocabulary_hugging_face.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_hugging_face.h"

namespace chimera {
namespace {

using ::chimera::testing::IsInvalid;
using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class VocabularyHuggingFaceTest : public ::testing::Test {
 protected:
  absl::StatusOr<Vocabulary> Read() const {
    HuggingFaceTexts texts{.config = model_.config.dump(),
                           .tokenizer = model_.tokenizer.dump(),
                           .tokenizer_config = {},
                           .generation_config = {},
                           .chat_template = chat_template_};
    if (!tokenizer_config_.is_null()) texts.tokenizer_config = tokenizer_config_.dump();
    if (!generation_config_.is_null()) texts.generation_config = generation_config_.dump();
    return ReadHuggingFaceVocabulary(texts, 320);
  }

  testing::TinyHuggingFace model_ =
      testing::BuildTinyHuggingFace({.type = DataType::kF32, .embedding_type = DataType::kF32});
  Json tokenizer_config_ = model_.tokenizer_config;
  Json generation_config_;
  std::optional<std::string> chat_template_;
};

TEST_F(VocabularyHuggingFaceTest, SpecialTokensByTheirTexts) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Vocabulary read, Read());
  EXPECT_EQ(read.tokens.size(), 320u);
  EXPECT_EQ(read.bos_id, 1);
  EXPECT_EQ(read.eos_id, 2);
  EXPECT_EQ(read.padding_id, 2);
  EXPECT_FALSE(read.add_bos);
  EXPECT_EQ(read.chat_template, testing::TinyVocabulary(320).chat_template);
}

TEST_F(VocabularyHuggingFaceTest, SpecialTokensByTheirNumbers) {
  tokenizer_config_ = Json();
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Vocabulary none, Read());
  EXPECT_EQ(none.bos_id, -1);
  EXPECT_EQ(none.eos_id, -1);
  EXPECT_EQ(none.chat_template, "");

  model_.config["bos_token_id"] = 0;
  model_.config["eos_token_id"] = {2, 7};
  model_.config["pad_token_id"] = -1;
  generation_config_ = {{"bos_token_id", 7}, {"eos_token_id", 2}};
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Vocabulary read, Read());
  EXPECT_EQ(read.bos_id, 0);
  EXPECT_EQ(read.eos_id, 2);
  EXPECT_EQ(read.padding_id, -1);

  model_.config["bos_token_id"] = 320;
  EXPECT_THAT(Read(), IsInvalid("config.json: key bos_token_id is 320, must be in [0, 320)"));
}

// As in a conversion to GGUF: only among the added tokens.
TEST_F(VocabularyHuggingFaceTest, TextsOfOtherTokensDoNotCount) {
  tokenizer_config_["eos_token"] = "a";
  model_.config["eos_token_id"] = 7;
  EXPECT_EQ(Read()->eos_id, 7);
  tokenizer_config_["eos_token"] = 2;
  EXPECT_THAT(Read(), IsInvalid("tokenizer_config.json: key eos_token must be a string or an ob"));
}

TEST_F(VocabularyHuggingFaceTest, WhetherBosIsAdded) {
  model_.tokenizer["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<|im_start|>"}}}}, {{"Sequence", {{"id", "A"}}}}}}};
  EXPECT_TRUE(Read()->add_bos);
  tokenizer_config_["bos_token"] = "<|endoftext|>";
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kUnimplemented,
                               HasSubstr("post_processor puts \"<|im_start|>\" in front")));
  tokenizer_config_["add_bos_token"] = false;
  EXPECT_FALSE(Read()->add_bos);
  tokenizer_config_["add_eos_token"] = true;
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("add_eos_token")));

  model_.tokenizer["post_processor"] = nullptr;
  tokenizer_config_ = {{"add_bos_token", true}};
  EXPECT_THAT(Read(), IsInvalid("no file names the bos token"));
}

TEST_F(VocabularyHuggingFaceTest, ChatTemplates) {
  chat_template_ = "from a file";
  EXPECT_EQ(Read()->chat_template, tokenizer_config_["chat_template"].get<std::string>());
  tokenizer_config_["chat_template"] = {{{"name", "tool_use"}, {"template", "a"}},
                                        {{"name", "default"}, {"template", "b"}}};
  EXPECT_EQ(Read()->chat_template, "b");
  tokenizer_config_["chat_template"] = Json::array();
  EXPECT_EQ(Read()->chat_template, "");
  tokenizer_config_["chat_template"] = nullptr;
  EXPECT_EQ(Read()->chat_template, "from a file");
  tokenizer_config_["chat_template"] = 7;
  EXPECT_THAT(Read(), IsInvalid("tokenizer_config.json: key chat_template must be an array"));
}

TEST_F(VocabularyHuggingFaceTest, BrokenFilesAreNamed) {
  tokenizer_config_ = Json::array();
  EXPECT_THAT(Read(), IsInvalid("tokenizer_config.json must hold an object"));
  tokenizer_config_ = Json();
  generation_config_ = 7;
  EXPECT_THAT(Read(), IsInvalid("generation_config.json must hold an object"));
}

}  // namespace
}  // namespace chimera
