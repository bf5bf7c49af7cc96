// Prompts in, shards out, with the real backend on tiny models.

#include "tools/chimera_generate/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/backend/backend_factory.h"
#include "common/base/clock.h"
#include "common/model/llama_model.h"
#include "common/model/safetensors_file.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_hugging_face.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr char kPrompts[] =
    "{\"prompt\": \"hello\", \"category\": \"greeting\"}\n"
    "{\"raw\": \"one two three\", \"max_tokens\": 3}\n"
    "{\"prompt\": \"again\", \"temperature\": 0.9, \"top_k\": 40, \"seed\": 7}\n"
    "{\"raw\": \"a\"}\n"
    "{\"raw\": \"a longer prompt, which takes more than one chunk of a step to read\"}\n";

struct Sequence {
  std::vector<int32_t> prompt;
  std::vector<int32_t> response;
  std::vector<uint16_t> hidden_states;  // the last token's row included

  friend bool operator==(const Sequence&, const Sequence&) = default;
};

template <typename T>
std::vector<T> Values(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsTensor& tensor = **file.Find(name);
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

std::string ReadBytes(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() {
    testing::WriteTinyLlama(config_.model_path = directory_.path() + "/tiny.gguf", {});
    config_.output_path = directory_.path() + "/shards";
    std::filesystem::create_directory(config_.output_path);
    config_.tapped_layers = {1, 2};
    config_.batch_size = 3;
    config_.prefill_chunk = 8;
    config_.max_length = 160;
    config_.max_tokens = 20;
    config_.shard_tokens = 60;
    WritePrompts(kPrompts);
  }

  void WritePrompts(const std::string& lines) {
    config_.prompt_path = directory_.path() + "/prompts.jsonl";
    std::ofstream(config_.prompt_path) << lines;
  }

  absl::StatusOr<GenerateProgress> Run() const {
    return Generate(config_, RealClock(), [](const GenerateProgress&) {});
  }

  std::vector<std::string> Shards() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(config_.output_path)) {
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  // What all shards hold, by prompt.
  std::map<int64_t, Sequence> ReadShards() const {
    std::map<int64_t, Sequence> sequences;
    for (const std::string& path : Shards()) {
      const auto file = *SafetensorsFile::Open(path);
      const auto tokens = Values<int32_t>(*file, "token_ids");
      const auto states = Values<uint16_t>(*file, "hidden_states");
      const auto starts = Values<int64_t>(*file, "sequence_starts");
      const auto responses = Values<int64_t>(*file, "response_starts");
      const auto prompts = Values<int64_t>(*file, "prompt_index");
      const int64_t row = static_cast<int64_t>(states.size() / tokens.size());
      for (size_t i = 0; i < prompts.size(); ++i) {
        Sequence& sequence = sequences[prompts[i]];
        EXPECT_TRUE(sequence.prompt.empty()) << "prompt " << prompts[i] << " twice";
        sequence.prompt.assign(&tokens[starts[i]], &tokens[responses[i]]);
        sequence.response.assign(tokens.begin() + responses[i], tokens.begin() + starts[i + 1]);
        sequence.hidden_states.assign(states.begin() + starts[i] * row,
                                      states.begin() + starts[i + 1] * row);
      }
    }
    return sequences;
  }

  // The greedy answer to `prompt`, one token at a time in a backend of its own.
  Sequence Decode(const std::vector<int32_t>& prompt, size_t max_tokens, int32_t end_token) const {
    const auto model = *LlamaModel::Open(config_.model_path);
    const auto backend = *CreateBackend(
        *model,
        {.limits = {.page_count = 10, .slot_count = 1, .max_step_rows = config_.max_length}});
    const std::vector<int32_t> pages = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    Sequence sequence = {prompt, {}, {}};
    std::vector<int32_t> chunk = prompt;
    int32_t context = 0;
    while (true) {
      const SequenceStep step = {.pages = pages,
                                 .context_length = context,
                                 .chunk = chunk,
                                 .outputs = {.hidden_states = true}};
      CHIMERA_EXPECT_OK(
          backend->Submit({.sequences = {&step, 1}, .tapped_layers = config_.tapped_layers}));
      const StepResult& result = **backend->Wait();
      sequence.hidden_states.insert(sequence.hidden_states.end(), result.hidden_states.begin(),
                                    result.hidden_states.end());
      context += static_cast<int32_t>(chunk.size());
      chunk = {result.chosen.back()};
      sequence.response.push_back(chunk[0]);
      if (chunk[0] == end_token || sequence.response.size() == max_tokens) break;
    }
    sequence.hidden_states.resize(sequence.hidden_states.size() +
                                  config_.tapped_layers.size() * model->config().hidden_size);
    return sequence;
  }

  const testing::TempDirectory directory_;
  GenerateConfig config_;
};

TEST_F(GenerateTest, AHuggingFaceFolderGivesWhatItsConversionGives) {
  const testing::TinyLlamaOptions options = {.type = DataType::kBf16,
                                             .embedding_type = DataType::kBf16};
  testing::WriteTinyLlama(config_.model_path, options);
  CHIMERA_ASSERT_OK(Run().status());
  const std::map<int64_t, Sequence> of_gguf = ReadShards();
  config_.model_path = directory_.path() + "/folder";
  testing::BuildTinyHuggingFace(options).Write(config_.model_path);
  config_.output_path = directory_.path() + "/shards-of-folder";
  std::filesystem::create_directory(config_.output_path);
  CHIMERA_ASSERT_OK(Run().status());
  EXPECT_EQ(of_gguf.size(), 5u);
  EXPECT_EQ(ReadShards(), of_gguf);
}

TEST_F(GenerateTest, AnswersAreThoseOfPlainDecoding) {
  const absl::StatusOr<GenerateProgress> progress = Run();
  CHIMERA_ASSERT_OK(progress.status());
  EXPECT_EQ(progress->sequence_count, 5);
  EXPECT_EQ(progress->too_long_count, 0);
  const std::map<int64_t, Sequence> sequences = ReadShards();
  ASSERT_EQ(sequences.size(), 5);
  EXPECT_GT(Shards().size(), 1);

  const auto model = *LlamaModel::Open(config_.model_path);
  const auto tokenizer = *Tokenizer::Create(model->vocabulary());
  const auto chat = *ChatTemplate::Create(model->vocabulary().chat_template);
  const ChatMessage hello = {"user", "hello"};
  EXPECT_THAT(sequences.at(0).prompt, ElementsAreArray(*chat.Encode({&hello, 1}, *tokenizer)));
  EXPECT_THAT(sequences.at(3).prompt,
              ElementsAreArray(*tokenizer->Encode("a", SpecialTokens::kParse)));
  for (const int prompt : {0, 1, 3, 4}) {
    const Sequence& actual = sequences.at(prompt);
    const Sequence expected =
        Decode(actual.prompt, prompt == 1 ? 3 : config_.max_tokens, tokenizer->eos_id());
    EXPECT_EQ(actual.response, expected.response) << prompt;
    EXPECT_EQ(actual.hidden_states, expected.hidden_states) << prompt;
  }
}

TEST_F(GenerateTest, AnotherBatchSizeChangesNothing) {
  CHIMERA_ASSERT_OK(Run().status());
  const std::map<int64_t, Sequence> expected = ReadShards();
  config_.output_path = directory_.path() + "/alone";
  std::filesystem::create_directory(config_.output_path);
  config_.batch_size = 1;
  config_.prefill_chunk = 100;
  CHIMERA_ASSERT_OK(Run().status());
  EXPECT_EQ(ReadShards(), expected);
}

TEST_F(GenerateTest, AnswersThatAreReadAgainGiveTheSameShards) {
  config_.batch_size = 1;  // finishes the answers in the order of their prompts
  CHIMERA_ASSERT_OK(Run().status());
  const std::vector<std::string> generated = Shards();
  ASSERT_GT(generated.size(), 1);
  std::ostringstream lines;
  for (const auto& [index, sequence] : ReadShards()) {
    lines << "{\"prompt_ids\": [" << absl::StrJoin(sequence.prompt, ",") << "], \"response_ids\": ["
          << absl::StrJoin(sequence.response, ",")
          << "], \"temperature\": " << (index == 2 ? 0.9 : 0) << "}\n";
  }
  WritePrompts(lines.str());
  for (const int32_t batch_size : {1, 3}) {
    config_.output_path = absl::StrCat(directory_.path(), "/again-", batch_size);
    std::filesystem::create_directory(config_.output_path);
    config_.batch_size = batch_size;
    config_.prefill_chunk = 7 * batch_size;  // neither prompts nor answers end with it
    const absl::StatusOr<GenerateProgress> progress = Run();
    CHIMERA_ASSERT_OK(progress.status());
    EXPECT_EQ(progress->sequence_count, 5);
    const std::vector<std::string> shards = Shards();
    ASSERT_EQ(shards.size(), generated.size());
    for (size_t i = 0; i < shards.size(); ++i) {
      EXPECT_EQ(ReadBytes(shards[i]), ReadBytes(generated[i])) << shards[i];
    }
  }
}

TEST_F(GenerateTest, GivenAndWantedAnswersShareTheSlots) {
  CHIMERA_ASSERT_OK(Run().status());
  const std::map<int64_t, Sequence> expected = ReadShards();
  std::istringstream lines(kPrompts);
  std::string line, mixed;
  for (int64_t index = 0; std::getline(lines, line); ++index) {
    if (index % 2 == 0) {
      line.pop_back();
      absl::StrAppend(&line, ", \"response_ids\": [",
                      absl::StrJoin(expected.at(index).response, ","), "]}");
    }
    absl::StrAppend(&mixed, line, "\n");
  }
  WritePrompts(mixed);
  config_.output_path = directory_.path() + "/mixed";
  std::filesystem::create_directory(config_.output_path);
  CHIMERA_ASSERT_OK(Run().status());
  EXPECT_EQ(ReadShards(), expected);
}

TEST_F(GenerateTest, LeavesOutGivenAnswersBeyondTheLength) {
  config_.max_length = 6;
  WritePrompts(
      "{\"prompt_ids\": [5, 6, 7], \"response_ids\": [8, 9, 10]}\n"
      "{\"prompt_ids\": [5, 6, 7], \"response_ids\": [8, 9, 10, 11]}\n"
      "{\"prompt_ids\": [5], \"response_ids\": [8]}\n");
  const absl::StatusOr<GenerateProgress> progress = Run();
  CHIMERA_ASSERT_OK(progress.status());
  EXPECT_EQ(progress->too_long_count, 1);
  const std::map<int64_t, Sequence> sequences = ReadShards();
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_THAT(sequences.at(0).response, ElementsAre(8, 9, 10));
  EXPECT_THAT(sequences.at(2).prompt, ElementsAre(5));
}

TEST_F(GenerateTest, GoesOnBehindTheShardsThatAreThere) {
  CHIMERA_ASSERT_OK(Run().status());
  const std::map<int64_t, Sequence> expected = ReadShards();
  const std::vector<std::string> shards = Shards();
  std::filesystem::remove(shards.back());
  std::ofstream(shards.back() + ".tmp") << "cut off";
  const auto first_written = std::filesystem::last_write_time(shards.front());
  const size_t kept = ReadShards().size();
  const absl::StatusOr<GenerateProgress> progress = Run();
  CHIMERA_ASSERT_OK(progress.status());
  EXPECT_EQ(progress->sequence_count, expected.size() - kept);
  EXPECT_EQ(ReadShards(), expected);
  EXPECT_EQ(std::filesystem::last_write_time(shards.front()), first_written);
}

TEST_F(GenerateTest, LeavesOutPromptsThatFillTheLength) {
  config_.max_length = 40;
  const absl::StatusOr<GenerateProgress> progress = Run();
  CHIMERA_ASSERT_OK(progress.status());
  EXPECT_GT(progress->too_long_count, 0);
  for (const auto& [prompt, sequence] : ReadShards()) {
    EXPECT_LE(sequence.prompt.size() + sequence.response.size(), 40) << prompt;
  }
}

TEST_F(GenerateTest, WritesResponsesAsText) {
  config_.tapped_layers = {};
  config_.shard_tokens = 1 << 20;
  CHIMERA_ASSERT_OK(Run().status());
  const auto file = *SafetensorsFile::Open(Shards().at(0));
  EXPECT_FALSE(file->Find("hidden_states").ok());
  std::ifstream lines(config_.output_path + "/shard-00000.jsonl");
  std::string line;
  int count = 0;
  for (; std::getline(lines, line); ++count) {
    EXPECT_THAT(line, AllOf(HasSubstr("\"prompt_index\":"), HasSubstr("\"response\":\"")));
  }
  EXPECT_EQ(count, 5);
}

TEST_F(GenerateTest, RefusesShardsOfOtherSettings) {
  CHIMERA_ASSERT_OK(Run().status());
  config_.tapped_layers = {2};
  EXPECT_THAT(Run().status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("shard-00000.safetensors")));
}

TEST_F(GenerateTest, RefusesAnswersOfAnotherModel) {
  config_.target_identity = "0123";
  EXPECT_THAT(Run().status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("target_identity of the answers is 0123, but ")));
  config_.target_identity = (*LlamaModel::Open(config_.model_path))->fingerprint().identity;
  CHIMERA_EXPECT_OK(Run().status());
}

TEST_F(GenerateTest, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> lines[] = {
      {"no json", "prompts.jsonl:1: not a JSON object"},
      {"{}", "neither \"prompt\" nor \"raw\""},
      {"{\"raw\": \"\"}", "empty"},
      {"{\"raw\": \"a\", \"temperature\": \"hot\"}", "\"temperature\""},
      {"{\"raw\": \"a\", \"temperature\": -1}", "temperature"},
      {"{\"raw\": \"a\", \"top_k\": 0.5}", "\"top_k\""},
      {"{\"raw\": \"a\", \"max_tokens\": 0}", "\"max_tokens\""},
      {"{\"prompt_ids\": []}", "\"prompt_ids\" is not a list of token ids"},
      {"{\"prompt_ids\": [1, \"b\"]}", "\"prompt_ids\" has \"b\", must be token ids in [0, "},
      {"{\"raw\": \"a\", \"response_ids\": 3}", "\"response_ids\" is not a list"},
      {"{\"raw\": \"a\", \"response_ids\": [-1]}", "\"response_ids\" has -1"},
      {"{\"raw\": \"a\", \"response_ids\": [4294967297]}", "\"response_ids\" has 4294967297"}};
  for (const auto& [line, message] : lines) {
    WritePrompts(line);
    EXPECT_THAT(Run().status(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
  WritePrompts(kPrompts);
  config_.tapped_layers = {3};
  EXPECT_THAT(Run().status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--tapped_layers has 3, must be in [0, 2]")));
  config_.tapped_layers = {};
  config_.output_path = "/none";
  EXPECT_THAT(Run().status(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none")));
  config_.prompt_path = "/none.jsonl";
  EXPECT_THAT(Run().status(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none.jsonl")));
}

}  // namespace
}  // namespace chimera
