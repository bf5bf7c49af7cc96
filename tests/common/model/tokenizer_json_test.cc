#include "common/model/tokenizer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_hugging_face.h"

namespace chimera {
namespace {

using ::chimera::testing::IsInvalid;
using ::chimera::testing::IsUnimplemented;
using Json = nlohmann::json;

constexpr int32_t kVocabSize = 320;

auto IsInvalidKey(const std::string& message) {
  return IsInvalid("tokenizer.json: key " + message);
}

auto IsUnimplementedKey(const std::string& message) {
  return IsUnimplemented("tokenizer.json: key " + message);
}

class TokenizerJsonTest : public ::testing::Test {
 protected:
  absl::StatusOr<TokenizerJson> Read(int32_t vocab_size = kVocabSize) const {
    return ReadTokenizerJson(json_.dump(), vocab_size);
  }
  // With the value at a JSON pointer set.
  absl::Status With(const std::string& place, const Json& value) const {
    Json changed = json_;
    changed[Json::json_pointer(place)] = value;
    return ReadTokenizerJson(changed.dump(), kVocabSize).status();
  }

  Json json_ =
      testing::BuildTinyHuggingFace({.type = DataType::kF32, .embedding_type = DataType::kF32})
          .tokenizer;
  const Vocabulary written_ = testing::TinyVocabulary(kVocabSize);
};

TEST_F(TokenizerJsonTest, ReadsWhatWasWritten) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenizerJson read, Read());
  EXPECT_EQ(read.vocabulary.tokenizer_model, "gpt2");
  EXPECT_EQ(read.vocabulary.pre_tokenizer, "smollm");
  EXPECT_EQ(read.vocabulary.tokens, written_.tokens);
  EXPECT_EQ(read.vocabulary.types, written_.types);
  EXPECT_EQ(read.vocabulary.merges, written_.merges);
  EXPECT_EQ(read.first_token, std::nullopt);
}

TEST_F(TokenizerJsonTest, MergesMayBePairs) {
  Json pairs = Json::array();
  for (const std::string& merge : written_.merges) {
    const size_t space = merge.find(' ');
    pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  json_["model"]["merges"] = pairs;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenizerJson read, Read());
  EXPECT_EQ(read.vocabulary.merges, written_.merges);
  for (const Json& wrong : {Json::array({"a"}), Json::array({"a", "b", "c"}), Json::array({"a", 7}),
                            Json::array({"a b", "c"}), Json(7)}) {
    EXPECT_THAT(With("/model/merges/3", wrong), IsInvalidKey("model.merges[3] must be"));
  }
  EXPECT_THAT(With("/model/merges", nullptr), IsInvalidKey("model.merges must be an array"));
}

TEST_F(TokenizerJsonTest, AddedTokensMayAlsoBeInTheVocab) {
  json_["model"]["vocab"]["<|im_end|>"] = 2;
  json_["added_tokens"][1]["special"] = false;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenizerJson read, Read());
  EXPECT_EQ(read.vocabulary.tokens, written_.tokens);
  EXPECT_EQ(read.vocabulary.types[1], TokenType::kUserDefined);
  EXPECT_EQ(read.vocabulary.types[2], TokenType::kControl);
  json_["model"]["vocab"].erase(written_.tokens[319]);
  EXPECT_THAT(With("/model/vocab/<|im_end|>", 319), IsInvalidKey("added_tokens[2].id is 2, but"));
}

TEST_F(TokenizerJsonTest, IdsWithoutATokenAreUnused) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenizerJson read, Read(322));
  ASSERT_EQ(read.vocabulary.tokens.size(), 322u);
  EXPECT_EQ(read.vocabulary.tokens[321], "[PAD321]");
  EXPECT_EQ(read.vocabulary.types[321], TokenType::kUnused);
  EXPECT_EQ(read.vocabulary.types[319], TokenType::kNormal);
}

TEST_F(TokenizerJsonTest, IdsAreWithinTheVocabularyAndDiffer) {
  for (const Json& wrong : {Json(-1), Json(320), Json(int64_t{1} << 40)}) {
    EXPECT_THAT(With("/model/vocab/a", wrong),
                IsInvalidKey("model.vocab.a has the id " + wrong.dump() + ", must be in [0, 320)"));
    EXPECT_THAT(With("/added_tokens/0/id", wrong),
                IsInvalidKey("added_tokens[0].content has the id"));
  }
  EXPECT_THAT(With("/model/vocab/a", json_["model"]["vocab"]["b"]),
              IsInvalidKey("model.vocab.b has the id"));
  EXPECT_THAT(With("/model/vocab/a", "7"), IsInvalidKey("model.vocab.a must be an integer"));
  EXPECT_THAT(With("/model/vocab/a", nullptr), IsInvalidKey("model.vocab.a is missing"));
  EXPECT_THAT(With("/added_tokens/0/id", 5),
              IsInvalidKey("added_tokens[0].content has the id 5 of"));
  EXPECT_THAT(With("/added_tokens/0/content", ""),
              IsInvalidKey("added_tokens[0].content is a token"));
  EXPECT_THAT(
      With("/added_tokens/0/content", std::string(1025, 'x')),
      IsInvalidKey("added_tokens[0].content is a token of 1025 bytes, must have from 1 to"));
  EXPECT_THAT(With("/added_tokens/0", Json::object()),
              IsInvalidKey("added_tokens[0].content is missing"));
}

TEST_F(TokenizerJsonTest, OtherTokenizersAreNamed) {
  EXPECT_THAT(With("/model/type", "Unigram"),
              IsUnimplementedKey("model.type is \"Unigram\"; supported: \"BPE\""));
  EXPECT_THAT(With("/model/type", "WordPiece"), IsUnimplementedKey("model.type is \"WordPiece\""));
  EXPECT_THAT(With("/model/byte_fallback", true),
              IsUnimplementedKey("model.byte_fallback is true"));
  EXPECT_THAT(With("/model/unk_token", "<unk>"),
              IsUnimplementedKey("model.unk_token is \"<unk>\""));
  EXPECT_THAT(With("/model/end_of_word_suffix", "</w>"),
              IsUnimplementedKey("model.end_of_word_suffix"));
  EXPECT_THAT(With("/normalizer", {{"type", "NFC"}}),
              IsUnimplementedKey("normalizer is {\"type\""));
  EXPECT_THAT(With("/decoder", {{"type", "Metaspace"}}), IsUnimplementedKey("decoder.type is"));
  for (const std::string flag : {"single_word", "lstrip", "rstrip"}) {
    EXPECT_THAT(With("/added_tokens/1/" + flag, true),
                IsUnimplementedKey("added_tokens[1]." + flag + " is true; supported: false"));
  }
  EXPECT_THAT(With("/model", nullptr), IsInvalidKey("model is missing"));
  EXPECT_THAT(With("/model/vocab", nullptr), IsInvalidKey("model.vocab is missing"));
}

TEST_F(TokenizerJsonTest, PreTokenizersByTheirSteps) {
  json_["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  EXPECT_EQ(Read()->vocabulary.pre_tokenizer, "gpt-2");
  const std::string llama3 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                             R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  json_["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", llama3}}}, {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  EXPECT_THAT(Read(), IsUnimplementedKey("model.ignore_merges is false, with the pre-tokenizer of "
                                         "llama-bpe"));
  json_["model"]["ignore_merges"] = true;
  EXPECT_EQ(Read()->vocabulary.pre_tokenizer, "llama-bpe");
  const std::string split = "/pre_tokenizer/pretokenizers/0";
  EXPECT_THAT(With(split + "/pattern/Regex", "\\d"),
              IsUnimplementedKey("pre_tokenizer is \"Split on"));
  EXPECT_THAT(With(split + "/invert", true),
              IsUnimplementedKey("pre_tokenizer.pretokenizers[0].inv"));
  EXPECT_THAT(With(split + "/behavior", "Removed"),
              IsUnimplementedKey("pre_tokenizer.pretokenizers[0].behavior is \"Removed\""));
}

TEST_F(TokenizerJsonTest, UnknownPreTokenizers) {
  EXPECT_THAT(With("/pre_tokenizer", nullptr), IsInvalidKey("pre_tokenizer is missing"));
  EXPECT_THAT(With("/pre_tokenizer", {{"type", "Metaspace"}}),
              IsUnimplementedKey("pre_tokenizer is \"Metaspace\"; supported: those of smollm"));
  EXPECT_THAT(With("/pre_tokenizer", {{"type", "ByteLevel"}}),
              IsUnimplementedKey("pre_tokenizer is \"ByteLevel, add_prefix_space true\""));
  EXPECT_THAT(With("/pre_tokenizer/pretokenizers/0/individual_digits", false),
              IsUnimplementedKey("pre_tokenizer is \"Digits; ByteLevel\""));
  EXPECT_THAT(With("/pre_tokenizer", {{"type", "Sequence"}}),
              IsUnimplementedKey("pre_tokenizer is"));
}

TEST_F(TokenizerJsonTest, WhatThePostProcessorPutsInFront) {
  const Json special = {{"SpecialToken", {{"id", "<|im_start|>"}}}};
  const Json sequence = {{"Sequence", {{"id", "A"}}}};
  const Json processor = {{"type", "TemplateProcessing"}, {"single", {special, sequence}}};
  json_["post_processor"] = processor;
  EXPECT_EQ(Read()->first_token, "<|im_start|>");
  json_["post_processor"] = {{"type", "Sequence"},
                             {"processors", {{{"type", "ByteLevel"}}, processor}}};
  EXPECT_EQ(Read()->first_token, "<|im_start|>");
  EXPECT_THAT(With("/post_processor/processors/0", processor),
              IsInvalidKey("post_processor.processors puts two tokens in front"));
  EXPECT_THAT(With("/post_processor", {{"type", "BertProcessing"}}),
              IsUnimplementedKey("post_processor.type is \"BertProcessing\""));
  json_["post_processor"] = processor;
  json_["post_processor"]["single"] = Json::array({sequence});
  EXPECT_EQ(Read()->first_token, std::nullopt);
  for (const Json& wrong : {Json::array({sequence, special}), Json::array({special}), Json::array(),
                            Json::array({special, special, sequence})}) {
    EXPECT_THAT(With("/post_processor/single", wrong),
                IsUnimplementedKey("post_processor.single; "));
  }
}

}  // namespace
}  // namespace chimera
