#include "common/model/llama_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <tuple>

#include "common/base/mapped_file.h"
#include "common/model/fingerprint_cache.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::BuildTinyLlama;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::StatusIs;
using ::chimera::testing::TempDirectory;
using ::chimera::testing::WriteFile;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class TinyLlamaTest : public ::testing::TestWithParam<std::tuple<DataType, bool>> {};

TEST_P(TinyLlamaTest, OpensWithTheShapesThatWereWritten) {
  const auto [type, tied] = GetParam();
  const TempDirectory directory;
  const std::string path = directory.path() + "/model.gguf";
  testing::WriteTinyLlama(path, {.type = type, .embedding_type = type, .tied_embedding = tied});
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<LlamaModel> model, LlamaModel::Open(path));

  const LlamaConfig expected{.layer_count = 2,
                             .hidden_size = 64,
                             .query_head_count = 4,
                             .kv_head_count = 2,
                             .head_dim = 16,
                             .ffn_size = 96,
                             .vocab_size = 320,
                             .context_length = 512,
                             .tied_embedding = tied};
  EXPECT_EQ(model->config(), expected);
  EXPECT_EQ(model->name(), "tiny");
  ASSERT_EQ(model->weights().layers.size(), 2u);
  const LlamaLayerWeights& layer = model->weights().layers[1];
  EXPECT_EQ(layer.attention_norm.rows, 1);
  EXPECT_EQ(layer.key.type, type);
  EXPECT_EQ(layer.key.rows, 32);
  EXPECT_EQ(layer.key.columns, 64);
  EXPECT_EQ(layer.ffn_down.rows, 64);
  EXPECT_EQ(layer.ffn_down.columns, 96);
  const bool same =
      model->weights().output.bytes.data() == model->weights().token_embedding.bytes.data();
  EXPECT_EQ(same, tied);
}

INSTANTIATE_TEST_SUITE_P(Types, TinyLlamaTest,
                         ::testing::Combine(::testing::Values(DataType::kF32, DataType::kF16,
                                                              DataType::kBf16, DataType::kQ8_0,
                                                              DataType::kQ4_0, DataType::kQ4_1),
                                            ::testing::Bool()),
                         [](const auto& param_info) {
                           return std::string(DataTypeName(std::get<0>(param_info.param))) +
                                  (std::get<1>(param_info.param) ? "_tied" : "_untied");
                         });

class LlamaModelTest : public ::testing::Test {
 protected:
  // The hash of the weights of the file as it is, opened anew.
  std::string Weights() const { return LlamaModel::Open(path_).value()->fingerprint().weights; }

  // Writes a tiny model with these weights that was last modified `age` ago.
  void Write(uint64_t seed, std::chrono::hours age) const {
    testing::WriteTinyLlama(path_, {.seed = seed});
    std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now() - age);
  }

  // Puts `hash` into the cache, as that of the file as it is.
  void Remember(const std::string& hash) const {
    const FileStamp stamp = MappedFile::Open(path_).value()->stamp();
    CHIMERA_ASSERT_OK(StoreCachedWeightsFingerprint(path_, stamp, hash));
  }

  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/some.model.gguf";
};

TEST_F(LlamaModelTest, FilesThatCannotBeMapped) {
  EXPECT_THAT(LlamaModel::Open(path_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(LlamaModel::Open("/dev/null"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not a regular file")));
  WriteFile(path_, "");
  EXPECT_THAT(LlamaModel::Open(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(path_ + ": ")));
}

TEST_F(LlamaModelTest, ErrorsNameTheFile) {
  GgufWriter writer = BuildTinyLlama({});
  writer.SetString("general.architecture", "gemma");
  WriteFile(path_, writer.Serialize());
  EXPECT_THAT(LlamaModel::Open(path_),
              StatusIs(absl::StatusCode::kUnimplemented,
                       StartsWith(path_ + ": key general.architecture is \"gemma\"")));
}

TEST_F(LlamaModelTest, AFileWithoutANameLendsItsOwn) {
  GgufWriter writer = BuildTinyLlama({});
  writer.Remove("general.name");
  WriteFile(path_, writer.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(path_));
  EXPECT_EQ(model->name(), "some.model");
}

// It goes into logs, and into a protocol field, which must be UTF-8.
TEST_F(LlamaModelTest, NamesAreMadePrintable) {
  GgufWriter writer = BuildTinyLlama({});
  writer.SetString("general.name", "\x1b[2J \xff");
  WriteFile(path_, writer.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(path_));
  EXPECT_EQ(model->name(), "\\x1b[2J \\xff");
}

TEST_F(LlamaModelTest, NamesAreTexts) {
  GgufWriter writer = BuildTinyLlama({});
  writer.SetUint32("general.name", 7);
  WriteFile(path_, writer.Serialize());
  EXPECT_THAT(LlamaModel::Open(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("general.name")));
}

// The remembered hash is a wrong one, so that its use shows.
TEST_F(LlamaModelTest, TheWeightsAreHashedOnce) {
  Write(/*seed=*/1, std::chrono::hours(1));
  const std::string hash = Weights();
  EXPECT_TRUE(std::filesystem::exists(FingerprintCachePath(path_)));
  EXPECT_EQ(Weights(), hash);
  Remember(std::string(64, 'a'));
  EXPECT_EQ(Weights(), std::string(64, 'a'));
}

TEST_F(LlamaModelTest, AModifiedFileIsHashedAgain) {
  Write(/*seed=*/1, std::chrono::hours(2));
  const std::string first = Weights();
  Write(/*seed=*/2, std::chrono::hours(1));
  const std::string second = Weights();
  EXPECT_NE(first, second);
  Write(/*seed=*/1, std::chrono::hours(1));
  EXPECT_EQ(Weights(), first);
}

// Two writes within a tick of the file system's clock leave one stamp.
TEST_F(LlamaModelTest, AFileJustWrittenIsHashedEveryTime) {
  const auto now = std::filesystem::file_time_type::clock::now();
  testing::WriteTinyLlama(path_, {.seed = 1});
  std::filesystem::last_write_time(path_, now);
  const std::string first = Weights();
  testing::WriteTinyLlama(path_, {.seed = 2});
  std::filesystem::last_write_time(path_, now);
  EXPECT_NE(Weights(), first);
}

TEST_F(LlamaModelTest, ADamagedCacheIsMendedOrIgnored) {
  Write(/*seed=*/1, std::chrono::hours(1));
  const std::string hash = Weights();
  const std::string cache = FingerprintCachePath(path_);
  WriteFile(cache, "chimera-weights 1 garbage\n");
  EXPECT_EQ(Weights(), hash);
  EXPECT_EQ(LoadCachedWeightsFingerprint(path_, MappedFile::Open(path_).value()->stamp()), hash);
  std::filesystem::remove(cache);
  std::filesystem::create_directory(cache);
  EXPECT_EQ(Weights(), hash);
}

}  // namespace
}  // namespace chimera
