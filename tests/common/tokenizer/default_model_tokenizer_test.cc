// The default model's tokenizer against PyPI `tokenizers`, whose answers are in
// tests/data/tokenizer_expected.jsonl, written by tests/peers/tokenizer_oracle.py;
// $CHIMERA_TOKENIZER_EXPECTED names another file of that kind.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "common/model/default_model_path.h"
#include "common/model/llama_model.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/incremental_decoder.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/testing/default_model.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

std::string ExpectedPath() {
  const char* path = std::getenv("CHIMERA_TOKENIZER_EXPECTED");
  return path == nullptr ? CHIMERA_TEST_DATA_DIR "/tokenizer_expected.jsonl" : path;
}

SpecialTokens ParseOrNot(const nlohmann::json& line) {
  return line["parse"] ? SpecialTokens::kParse : SpecialTokens::kAsText;
}

class DefaultModelTokenizerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::IsOtherModel()) GTEST_SKIP() << "CHIMERA_MODEL names another model";
    CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<LlamaModel> model,
                                 LlamaModel::Open(DefaultModelPath()));
    vocabulary_ = model->vocabulary();
    CHIMERA_ASSERT_OK_AND_ASSIGN(tokenizer_, Tokenizer::Create(vocabulary_));
    for (int32_t token = 0; token < tokenizer_->vocab_size(); ++token) {
      const absl::string_view bytes = tokenizer_->TokenBytes(token);
      if (bytes.size() == 1) has_token_[static_cast<uint8_t>(bytes[0])] = true;
    }
  }

  // Calls `on_line` for each line of the file of expectations, until a test fails.
  static void ForEachExpectation(const std::function<void(const nlohmann::json&)>& on_line) {
    std::ifstream file(ExpectedPath());
    ASSERT_TRUE(file) << "cannot open " << ExpectedPath();
    std::string line;
    while (std::getline(file, line) && !HasFailure()) on_line(nlohmann::json::parse(line));
  }

  // `text` without the bytes that the vocabulary has no token for.
  std::string Encodable(const std::string& text) const {
    std::string encodable;
    for (const char byte : text) {
      if (has_token_[static_cast<uint8_t>(byte)]) encodable += byte;
    }
    return encodable;
  }

  Vocabulary vocabulary_;
  std::unique_ptr<Tokenizer> tokenizer_;
  bool has_token_[256] = {};  // by byte
};

TEST_F(DefaultModelTokenizerTest, IdsEqualThoseOfTokenizersAndDecodeToTheText) {
  std::map<std::string, std::unique_ptr<Tokenizer>> tokenizers;
  int compared = 0;
  ForEachExpectation([&](const nlohmann::json& line) {
    if (!line.contains("text")) return;
    std::unique_ptr<Tokenizer>& tokenizer = tokenizers[line["pre_tokenizer"]];
    if (tokenizer == nullptr) {
      vocabulary_.pre_tokenizer = line["pre_tokenizer"];
      CHIMERA_ASSERT_OK_AND_ASSIGN(tokenizer, Tokenizer::Create(vocabulary_));
    }
    const std::string text = line["text"];
    CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                                 tokenizer->Encode(text, ParseOrNot(line)));
    ASSERT_EQ(ids, line["ids"].get<std::vector<int32_t>>()) << line;
    ASSERT_EQ(*tokenizer->Decode(ids), Encodable(text)) << line;
    ++compared;
  });
  EXPECT_GE(compared, 700);
  RecordProperty("compared", compared);
}

TEST_F(DefaultModelTokenizerTest, TheComparisonTellsPreTokenizersApart) {
  vocabulary_.pre_tokenizer = "gpt-2";
  CHIMERA_ASSERT_OK_AND_ASSIGN(tokenizer_, Tokenizer::Create(vocabulary_));
  int different = 0;
  ForEachExpectation([&](const nlohmann::json& line) {
    if (!line.contains("text") || line["pre_tokenizer"] != "smollm") return;
    const std::string text = line["text"];
    different +=
        *tokenizer_->Encode(text, ParseOrNot(line)) != line["ids"].get<std::vector<int32_t>>();
  });
  EXPECT_GE(different, 10);
}

TEST_F(DefaultModelTokenizerTest, ConversationsEqualTheRenderedTemplate) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const ChatTemplate chat_template,
                               ChatTemplate::Create(vocabulary_.chat_template));
  int compared = 0;
  ForEachExpectation([&](const nlohmann::json& line) {
    if (!line.contains("messages")) return;
    std::vector<ChatMessage> messages;
    for (const nlohmann::json& message : line["messages"]) {
      messages.push_back({message["role"], message["content"]});
    }
    CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                                 chat_template.Encode(messages, *tokenizer_));
    ASSERT_EQ(ids, line["ids"].get<std::vector<int32_t>>()) << line;
    ++compared;
  });
  EXPECT_GE(compared, 100);
}

TEST_F(DefaultModelTokenizerTest, StreamedTextEqualsTheText) {
  ForEachExpectation([&](const nlohmann::json& line) {
    if (!line.contains("text") || line["parse"]) return;
    const std::string text = line["text"];
    if (Encodable(text) != text) return;
    IncrementalDecoder decoder(tokenizer_.get());
    std::string streamed;
    for (const int32_t id : line["ids"]) streamed += decoder.Append(id);
    ASSERT_EQ(streamed + decoder.Finish(), text) << line;
  });
}

TEST_F(DefaultModelTokenizerTest, DecodingGivesBackAnyEncodableBytes) {
  std::mt19937 random(17);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 80, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                                 tokenizer_->Encode(text, SpecialTokens::kParse));
    ASSERT_EQ(*tokenizer_->Decode(ids), Encodable(text)) << "round " << round;
  }
}

TEST_F(DefaultModelTokenizerTest, TenMebibytesOfAnything) {
  constexpr size_t kSize = size_t{10} << 20;
  std::mt19937 random(23);
  for (const absl::string_view unit : {" ", "thequickbrownfox", "<|im_"}) {
    std::string text;
    while (text.size() < kSize) text.append(unit.data(), unit.size());
    CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                                 tokenizer_->Encode(text, SpecialTokens::kParse));
    ASSERT_TRUE(*tokenizer_->Decode(ids) == text) << unit;
  }
  std::string word(kSize, '\0');
  for (char& byte : word) byte = static_cast<char>('a' + random() % 26);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                               tokenizer_->Encode(word, SpecialTokens::kParse));
  ASSERT_TRUE(*tokenizer_->Decode(ids) == word);
}

}  // namespace
}  // namespace chimera
