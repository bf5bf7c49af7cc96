#include "common/model/llama_hugging_face.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/ops/rope.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_hugging_face.h"

namespace chimera {
namespace {

using ::chimera::testing::BuildTinyHuggingFace;
using ::chimera::testing::IsInvalid;
using ::chimera::testing::IsUnimplemented;
using ::chimera::testing::StatusIs;
using ::chimera::testing::TinyHuggingFace;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr testing::TinyLlamaOptions kOptions{.type = DataType::kBf16,
                                             .embedding_type = DataType::kBf16};

class HuggingFaceConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<LlamaConfig> Read() const { return ReadHuggingFaceConfig(json_.dump()); }
  // With one member set.
  absl::Status With(const std::string& key, const nlohmann::json& value) const {
    nlohmann::json changed = json_;
    changed[key] = value;
    return ReadHuggingFaceConfig(changed.dump()).status();
  }

  nlohmann::json json_ = BuildTinyHuggingFace(kOptions).config;
};

TEST_F(HuggingFaceConfigTest, ReadsWhatWasWritten) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const LlamaConfig config, Read());
  const LlamaConfig expected{.layer_count = 2,
                             .hidden_size = 64,
                             .query_head_count = 4,
                             .kv_head_count = 2,
                             .head_dim = 16,
                             .ffn_size = 96,
                             .vocab_size = 320,
                             .context_length = 512};
  EXPECT_EQ(config, expected);
}

TEST_F(HuggingFaceConfigTest, DefaultsAreThoseOfTransformers) {
  for (const char* key : {"num_key_value_heads", "head_dim", "rope_theta", "rope_scaling",
                          "tie_word_embeddings", "attention_bias", "hidden_act"}) {
    json_.erase(key);
  }
  CHIMERA_ASSERT_OK_AND_ASSIGN(const LlamaConfig config, Read());
  EXPECT_EQ(config.kv_head_count, 4);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.rope_base, 10000.0f);
  EXPECT_FALSE(config.tied_embedding);
}

TEST_F(HuggingFaceConfigTest, OtherKeysMustBeThere) {
  for (const std::string key :
       {"model_type", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "max_position_embeddings", "rms_norm_eps", "vocab_size"}) {
    EXPECT_THAT(With(key, nullptr), IsInvalid("config.json: key " + key + " is missing"));
  }
}

TEST_F(HuggingFaceConfigTest, TheBaseOfRopeHasTwoPlaces) {
  json_.erase("rope_theta");
  json_["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "default"}};
  CHIMERA_ASSERT_OK_AND_ASSIGN(const LlamaConfig config, Read());
  EXPECT_EQ(config.rope_base, 5e5f);
  json_["rope_theta"] = 1e4;
  EXPECT_THAT(Read(), IsInvalid("config.json: key rope_parameters.rope_theta is 500000, but"));
}

TEST_F(HuggingFaceConfigTest, WhatWouldChangeTheArithmeticIsRefused) {
  EXPECT_THAT(With("model_type", "gemma"),
              IsUnimplemented("config.json: key model_type is \"gemma\"; supported: \"llama\""));
  EXPECT_THAT(With("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}}),
              IsUnimplemented("config.json: key rope_scaling.rope_type is \"llama3\""));
  EXPECT_THAT(With("rope_scaling", {{"type", "linear"}, {"factor", 2.0}}),
              IsUnimplemented("config.json: key rope_scaling.type is \"linear\""));
  EXPECT_THAT(With("rope_parameters", {{"rope_type", "yarn"}}),
              IsUnimplemented("config.json: key rope_parameters.rope_type is \"yarn\""));
  EXPECT_THAT(With("quantization_config", {{"bits", 4}}),
              IsUnimplemented("config.json: key quantization_config is "));
  EXPECT_THAT(With("hidden_act", "gelu"), IsUnimplemented("config.json: key hidden_act is"));
  for (const std::string key : {"attention_bias", "mlp_bias", "rope_interleaved"}) {
    EXPECT_THAT(With(key, true), IsUnimplemented("config.json: key " + key + " is true"));
  }
}

TEST_F(HuggingFaceConfigTest, ImpossibleValues) {
  EXPECT_THAT(With("hidden_size", 63), IsInvalid("config.json: hidden_size is 63"));
  EXPECT_THAT(With("hidden_size", int64_t{1} << 40), IsInvalid("must fit into 32 bits"));
  EXPECT_THAT(With("vocab_size", "many"), IsInvalid("config.json: key vocab_size must be an int"));
  EXPECT_THAT(With("vocab_size", 0), IsInvalid("config.json: vocab_size is 0"));
  EXPECT_THAT(With("num_key_value_heads", 3), IsInvalid("config.json: kv_head_count is 3"));
  EXPECT_THAT(With("rms_norm_eps", 1e300), IsInvalid("config.json: rms_norm_epsilon is inf"));
  json_.erase("head_dim");
  EXPECT_THAT(With("num_attention_heads", 3), IsInvalid("must be a multiple of num_attention_he"));
  EXPECT_THAT(With("num_attention_heads", 0), IsInvalid("must be a multiple of num_attention_he"));
}

// A model's tensors as the reader has them.
class HuggingFaceWeightsTest : public ::testing::Test {
 protected:
  absl::StatusOr<LlamaWeights> Read() {
    CHIMERA_ASSIGN_OR_RETURN(const LlamaConfig config, ReadHuggingFaceConfig(model_.config.dump()));
    tensors_.clear();
    for (const auto& [name, tensor] : model_.tensors) {
      tensors_[name] = {tensor.type, tensor.shape, std::as_bytes(std::span(tensor.bytes))};
    }
    CHIMERA_ASSIGN_OR_RETURN(const auto views, HuggingFaceTensors(tensors_, config));
    return ReadHuggingFaceWeights(views, config);
  }

  TinyHuggingFace model_ = BuildTinyHuggingFace(kOptions);
  std::map<std::string, SafetensorsTensor> tensors_;
};

TEST_F(HuggingFaceWeightsTest, ShapesAndTypes) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const LlamaWeights weights, Read());
  ASSERT_EQ(weights.layers.size(), 2u);
  const LlamaLayerWeights& layer = weights.layers[1];
  EXPECT_EQ(layer.key.type, DataType::kBf16);
  EXPECT_EQ(layer.key.rows, 32);
  EXPECT_EQ(layer.ffn_down.columns, 96);
  EXPECT_EQ(layer.ffn_norm.rows, 1);
  EXPECT_NE(weights.output.bytes.data(), weights.token_embedding.bytes.data());
}

// The rotation of transformers' LLaMA on the rows as the file has them is Chimera's on the rows as
// the views give them.
TEST_F(HuggingFaceWeightsTest, RowsOfQueriesAndKeysAreInTheOrderThatRopeExpects) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const LlamaWeights weights, Read());
  constexpr int kHeadDim = 16, kHalf = kHeadDim / 2, kPosition = 7;
  const RopeTable table(kPosition + 1, kHeadDim, 10000.0f);
  for (const TensorView& weight : {weights.layers[0].query, weights.layers[1].key}) {
    const size_t columns = static_cast<size_t>(weight.columns);
    std::vector<float> in_file(weight.rows * columns);
    Dequantize(weight.type, weight.bytes, in_file);
    const std::vector<float> widened = Widen(weight);
    for (int64_t head = 0; head < weight.rows; head += kHeadDim) {
      std::vector<float> ours(kHeadDim);
      for (int i = 0; i < kHeadDim; ++i) ours[i] = widened[(head + i) * columns];
      RopeReference(table, kPosition, ours);
      for (int i = 0; i < kHalf; ++i) {
        const double angle = kPosition * std::pow(10000.0, -2.0 * i / kHeadDim);
        const double first = in_file[(head + i) * columns];
        const double second = in_file[(head + i + kHalf) * columns];
        EXPECT_NEAR(ours[2 * i], first * std::cos(angle) - second * std::sin(angle), 1e-6);
        EXPECT_NEAR(ours[2 * i + 1], second * std::cos(angle) + first * std::sin(angle), 1e-6);
      }
    }
  }
}

TEST_F(HuggingFaceWeightsTest, ATiedHeadIsTheEmbeddingEvenBesideOneInTheFile) {
  model_.config["tie_word_embeddings"] = true;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const LlamaWeights weights, Read());
  EXPECT_EQ(weights.output.bytes.data(), weights.token_embedding.bytes.data());
}

TEST_F(HuggingFaceWeightsTest, TablesOfRopeAreLeftOut) {
  model_.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {
      SafetensorsType::kF64, {8}, std::string(64, '\0')};
  CHIMERA_EXPECT_OK(Read().status());
}

TEST_F(HuggingFaceWeightsTest, TensorsThatDoNotFit) {
  const TinyHuggingFace intact = model_;
  model_.tensors.erase("lm_head.weight");
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("tensor lm_head.weight")));

  model_ = intact;
  model_.tensors["model.norm.weight"].shape = {32, 2};
  EXPECT_THAT(Read(), IsInvalid("tensor model.norm.weight is [32, 2], must be [1, 64]"));

  model_ = intact;
  model_.tensors["model.layers.0.self_attn.q_proj.bias"] = model_.tensors["model.norm.weight"];
  EXPECT_THAT(Read(), IsUnimplemented("tensor model.layers.0.self_attn.q_proj.bias is not supp"));

  model_ = intact;
  model_.tensors["model.norm.weight"].type = SafetensorsType::kI32;
  EXPECT_THAT(Read(), AllOf(IsUnimplemented("tensor model.norm.weight has type I32"),
                            IsUnimplemented("supported: F32, F16, BF16")));

  model_ = intact;
  model_.tensors["model.norm.weight"].shape = {64, 1, 1};
  EXPECT_THAT(Read(), IsUnimplemented("tensor model.norm.weight has 3 dimensions"));
}

}  // namespace
}  // namespace chimera
