// A model is the same in both of its forms, a GGUF file and a Hugging Face folder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "common/model/fingerprint_cache.h"
#include "common/model/llama_model.h"
#include "common/ops/llama_forward_reference.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_hugging_face.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::BuildTinyHuggingFace;
using ::chimera::testing::StatusIs;
using ::chimera::testing::TempDirectory;
using ::chimera::testing::TinyHuggingFace;
using ::chimera::testing::TinyLlamaOptions;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BothFormsTest : public ::testing::TestWithParam<std::tuple<DataType, bool>> {};

TEST_P(BothFormsTest, HaveOneIdentityAndComputeTheSame) {
  const auto [type, tied] = GetParam();
  const TinyLlamaOptions options{.query_heads = 6,
                                 .kv_heads = 2,
                                 .vocab_size = 400,
                                 .type = type,
                                 .embedding_type = type,
                                 .tied_embedding = tied};
  const TempDirectory directory;
  const std::string gguf_path = directory.path() + "/tiny.gguf";
  const std::string folder = directory.path() + "/tiny-folder";
  testing::WriteTinyLlama(gguf_path, options);
  BuildTinyHuggingFace(options).Write(folder);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto gguf, LlamaModel::Open(gguf_path));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(folder));
  EXPECT_EQ(model->name(), "tiny-folder");
  EXPECT_EQ(model->config(), gguf->config());
  EXPECT_EQ(model->fingerprint().identity, gguf->fingerprint().identity);
  EXPECT_NE(model->fingerprint().weights, gguf->fingerprint().weights);
  const std::vector<int32_t> tokens = {1, 65, 399, 7, 300};
  EXPECT_EQ(LlamaForwardReference(model->config(), model->weights(), tokens).logits,
            LlamaForwardReference(gguf->config(), gguf->weights(), tokens).logits);
}

INSTANTIATE_TEST_SUITE_P(Types, BothFormsTest,
                         ::testing::Combine(::testing::Values(DataType::kF32, DataType::kF16,
                                                              DataType::kBf16),
                                            ::testing::Bool()),
                         [](const auto& param_info) {
                           return std::string(DataTypeName(std::get<0>(param_info.param))) +
                                  (std::get<1>(param_info.param) ? "_tied" : "_untied");
                         });

class HuggingFaceModelTest : public ::testing::Test {
 protected:
  std::string Weights() const { return LlamaModel::Open(folder_).value()->fingerprint().weights; }

  void Age(const std::string& file, std::chrono::hours age) const {
    std::filesystem::last_write_time(folder_ + "/" + file,
                                     std::filesystem::file_time_type::clock::now() - age);
  }

  const TempDirectory directory_;
  const std::string folder_ = directory_.path() + "/tiny";
  TinyHuggingFace model_ =
      BuildTinyHuggingFace({.type = DataType::kBf16, .embedding_type = DataType::kBf16});
};

// transformers saves norms in the type of the rest.
TEST_F(HuggingFaceModelTest, NormsInBf16) {
  for (auto& [name, tensor] : model_.tensors) {
    if (tensor.type != SafetensorsType::kF32) continue;
    std::string halves;
    for (size_t i = 0; i < tensor.bytes.size(); i += 4) halves += tensor.bytes.substr(i + 2, 2);
    tensor = {SafetensorsType::kBf16, tensor.shape, halves};
  }
  model_.Write(folder_);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(folder_));
  EXPECT_EQ(model->weights().output_norm.type, DataType::kBf16);
}

TEST_F(HuggingFaceModelTest, PathsThatEndInASlash) {
  model_.Write(folder_);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(folder_ + "/"));
  EXPECT_EQ(model->name(), "tiny");
}

TEST_F(HuggingFaceModelTest, WeightsDoNotDependOnTheFilesTheyAreIn) {
  model_.Write(folder_);
  const std::string whole = Weights();
  std::filesystem::remove(folder_ + "/model.safetensors");
  model_.WriteSharded(folder_, 3);
  EXPECT_EQ(Weights(), whole);
  model_.tensors["model.norm.weight"].bytes[5] ^= 1;
  model_.WriteSharded(folder_, 3);
  EXPECT_NE(Weights(), whole);
}

// The remembered hash is a wrong one, so that its use shows.
TEST_F(HuggingFaceModelTest, TheWeightsAreHashedOnce) {
  model_.WriteSharded(folder_, 2);
  const std::string index = "model.safetensors.index.json";
  for (const std::string& file :
       {std::string("model-0.safetensors"), std::string("model-1.safetensors"), index}) {
    Age(file, std::chrono::hours(2));
  }
  const std::string hash = Weights();
  const std::string cache = FingerprintCachePath(folder_ + "/" + index);
  ASSERT_TRUE(std::filesystem::exists(cache));
  std::string line(std::filesystem::file_size(cache), '\0');
  std::ifstream(cache).read(line.data(), static_cast<std::streamsize>(line.size()));
  line.replace(line.find(hash), hash.size(), std::string(64, 'a'));
  testing::WriteFile(cache, line);
  EXPECT_EQ(Weights(), std::string(64, 'a'));
  Age("model-1.safetensors", std::chrono::hours(3));
  EXPECT_EQ(Weights(), hash);
}

TEST_F(HuggingFaceModelTest, ErrorsNameTheFolder) {
  std::filesystem::create_directory(folder_);
  EXPECT_THAT(LlamaModel::Open(folder_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_ + "/config.json")));
  model_.config["model_type"] = "mamba";
  model_.Write(folder_);
  EXPECT_THAT(LlamaModel::Open(folder_),
              StatusIs(absl::StatusCode::kUnimplemented,
                       StartsWith(folder_ + ": config.json: key model_type is \"mamba\"")));
  std::filesystem::remove(folder_ + "/model.safetensors");
  EXPECT_THAT(LlamaModel::Open(folder_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("has neither model.safetensors")));
  std::filesystem::remove(folder_ + "/tokenizer.json");
  EXPECT_THAT(LlamaModel::Open(folder_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_ + "/tokenizer.json")));
}

}  // namespace
}  // namespace chimera
