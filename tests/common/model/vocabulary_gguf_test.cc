#include "common/model/vocabulary_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/model/gguf_file.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::IsInvalid;
using ::chimera::testing::MemoryModel;
using ::chimera::testing::ReadMemoryModel;
using ::chimera::testing::ReadStatus;
using ::chimera::testing::StatusIs;

class VocabularyGgufTest : public ::testing::Test {
 protected:
  // REQUIRES: the file can be read.
  const Vocabulary& Read() {
    bytes_ = FileBytes(writer_.Serialize());
    model_ = ReadMemoryModel(bytes_).value();
    return model_.vocabulary;
  }

  GgufWriter writer_ = testing::BuildTinyLlama({});
  const Vocabulary written_ = testing::TinyVocabulary(320);
  std::vector<std::byte> bytes_;
  MemoryModel model_;
};

TEST_F(VocabularyGgufTest, ReadsWhatWasWritten) {
  const Vocabulary& read = Read();
  EXPECT_EQ(read.tokenizer_model, "gpt2");
  EXPECT_EQ(read.pre_tokenizer, "smollm");
  EXPECT_EQ(read.tokens, written_.tokens);
  EXPECT_EQ(read.types, written_.types);
  EXPECT_EQ(read.merges, written_.merges);
  EXPECT_EQ(read.chat_template, written_.chat_template);
  EXPECT_EQ(read.bos_id, 1);
  EXPECT_EQ(read.eos_id, 2);
  EXPECT_EQ(read.padding_id, 2);
  EXPECT_FALSE(read.add_bos);
}

TEST_F(VocabularyGgufTest, SomeKeysMayBeMissing) {
  for (const char* key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
                          "tokenizer.ggml.padding_token_id", "tokenizer.ggml.add_bos_token",
                          "tokenizer.chat_template"}) {
    writer_.Remove(key);
  }
  const Vocabulary& read = Read();
  EXPECT_EQ(read.bos_id, -1);
  EXPECT_EQ(read.eos_id, -1);
  EXPECT_EQ(read.padding_id, -1);
  EXPECT_FALSE(read.add_bos);
  EXPECT_EQ(read.chat_template, "");
}

TEST_F(VocabularyGgufTest, OthersMustBeThere) {
  for (const std::string key : {"tokenizer.ggml.model", "tokenizer.ggml.pre",
                                "tokenizer.ggml.token_type", "tokenizer.ggml.merges"}) {
    GgufWriter writer = writer_;
    writer.Remove(key);
    EXPECT_THAT(ReadStatus(writer), IsInvalid("the file lacks the key " + key));
  }
}

TEST_F(VocabularyGgufTest, OnlyByteLevelBpe) {
  writer_.SetString("tokenizer.ggml.model", "llama");
  EXPECT_THAT(ReadStatus(writer_),
              StatusIs(absl::StatusCode::kUnimplemented,
                       "key tokenizer.ggml.model is \"llama\"; supported: \"gpt2\" (byte-level "
                       "BPE)"));
}

TEST_F(VocabularyGgufTest, EveryTokenHasAType) {
  writer_.SetInt32Array("tokenizer.ggml.token_type", std::vector<int32_t>(319, 1));
  EXPECT_THAT(ReadStatus(writer_),
              IsInvalid("key tokenizer.ggml.token_type has 319 entries, must be vocab_size 320"));
  for (const int32_t odd : {0, 7, -1}) {
    std::vector<int32_t> types(320, 1);
    types[5] = odd;
    writer_.SetInt32Array("tokenizer.ggml.token_type", types);
    EXPECT_THAT(ReadStatus(writer_),
                IsInvalid("key tokenizer.ggml.token_type has the entry " + std::to_string(odd) +
                          " for token 5, must be from 1 to 6"));
  }
}

TEST_F(VocabularyGgufTest, TokensAreAList) {
  writer_.SetString("tokenizer.ggml.tokens", "a");
  bytes_ = FileBytes(writer_.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const GgufFile file, ReadGgufFile(bytes_));
  EXPECT_THAT(ReadVocabulary(file.metadata, 1),
              IsInvalid("key tokenizer.ggml.tokens is a string, must be an array of string"));
}

// Far larger than its own bytes is what a tokenizer needs for one.
TEST_F(VocabularyGgufTest, NoTokenIsLongerThanAnyModelHas) {
  std::vector<std::string> tokens = written_.tokens;
  tokens[319] = std::string(1024, 'a');
  writer_.SetStringArray("tokenizer.ggml.tokens", tokens);
  EXPECT_EQ(Read().tokens, tokens);
  tokens[319] += 'a';
  writer_.SetStringArray("tokenizer.ggml.tokens", tokens);
  EXPECT_THAT(ReadStatus(writer_), IsInvalid("key tokenizer.ggml.tokens has the token 319 of 1025 "
                                             "bytes, at most 1024"));
}

TEST_F(VocabularyGgufTest, SpecialTokensAreInTheVocabulary) {
  for (const std::string key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
                                "tokenizer.ggml.padding_token_id"}) {
    for (const uint64_t id : {uint64_t{320}, uint64_t{1} << 32, (uint64_t{1} << 63) - 1}) {
      GgufWriter writer = writer_;
      writer.SetUint64(key, id);
      EXPECT_THAT(ReadStatus(writer),
                  IsInvalid("key " + key + " is " + std::to_string(id) + ", must be in [0, 320)"));
    }
  }
}

TEST_F(VocabularyGgufTest, AddingBosNeedsOne) {
  writer_.SetBool("tokenizer.ggml.add_bos_token", true);
  EXPECT_TRUE(Read().add_bos);
  writer_.Remove("tokenizer.ggml.bos_token_id");
  EXPECT_THAT(ReadStatus(writer_),
              IsInvalid("the file lacks the key tokenizer.ggml.bos_token_id, but asks for"));
}

TEST_F(VocabularyGgufTest, Llama3AddsBosUnlessTheFileSaysOtherwise) {
  writer_.SetString("tokenizer.ggml.pre", "llama-bpe");
  EXPECT_FALSE(Read().add_bos);
  writer_.Remove("tokenizer.ggml.add_bos_token");
  EXPECT_TRUE(Read().add_bos);
}

}  // namespace
}  // namespace chimera
