#include "common/model/llama_model.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>

#include "absl/strings/string_view.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

std::string TestPath(absl::string_view name) {
  return ::testing::TempDir() + "llama_model_test_" + std::string(name) + ".gguf";
}

class TinyLlamaTest : public ::testing::TestWithParam<std::tuple<DataType, bool>> {};

TEST_P(TinyLlamaTest, OpensWithTheShapesThatWereWritten) {
  const auto [type, tied] = GetParam();
  const std::string path = TestPath(DataTypeName(type)) + (tied ? "_tied" : "");
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

}  // namespace
}  // namespace chimera
