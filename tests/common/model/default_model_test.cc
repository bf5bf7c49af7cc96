// The default model, as references for it give it.

#include "tests/testing/default_model.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/model/default_model_path.h"
#include "common/model/llama_model.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

class DefaultModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::IsOtherModel()) GTEST_SKIP() << "CHIMERA_MODEL names another model";
    CHIMERA_ASSERT_OK_AND_ASSIGN(model_, LlamaModel::Open(DefaultModelPath()));
  }

  std::unique_ptr<LlamaModel> model_;
};

TEST_F(DefaultModelTest, HasTheConfigurationOfSmolLm2) {
  const LlamaConfig expected{.layer_count = 30,
                             .hidden_size = 576,
                             .query_head_count = 9,
                             .kv_head_count = 3,
                             .head_dim = 64,
                             .ffn_size = 1536,
                             .vocab_size = 49152,
                             .context_length = 8192,
                             .rope_base = 100000.0f,
                             .rms_norm_epsilon = 1e-5f,
                             .tied_embedding = true};
  EXPECT_EQ(model_->config(), expected);
  EXPECT_EQ(model_->name(), "Smollm2 135M 8k Lc100K Mix1 Ep2");
}

TEST_F(DefaultModelTest, HasQuantisedLayersAndFp32Norms) {
  const LlamaWeights& weights = model_->weights();
  ASSERT_EQ(weights.layers.size(), 30u);
  EXPECT_EQ(weights.token_embedding.type, DataType::kQ8_0);
  EXPECT_EQ(weights.output.bytes.data(), weights.token_embedding.bytes.data());
  for (const LlamaLayerWeights& layer : weights.layers) {
    EXPECT_EQ(layer.attention_norm.type, DataType::kF32);
    EXPECT_EQ(layer.query.type, DataType::kQ4_1);
    EXPECT_EQ(layer.key.rows, 192);
    EXPECT_EQ(layer.ffn_down.columns, 1536);
    EXPECT_EQ(layer.ffn_down.bytes.size(), 576u * 1536 / 32 * 20);
  }
}

TEST_F(DefaultModelTest, HasTheVocabularyOfSmolLm2) {
  const Vocabulary& vocabulary = model_->vocabulary();
  EXPECT_EQ(vocabulary.tokenizer_model, "gpt2");
  EXPECT_EQ(vocabulary.pre_tokenizer, "smollm");
  ASSERT_EQ(vocabulary.tokens.size(), 49152u);
  ASSERT_EQ(vocabulary.types.size(), 49152u);
  EXPECT_EQ(vocabulary.merges.size(), 48900u);
  EXPECT_EQ(vocabulary.merges[0], "\u0120 t");
  EXPECT_EQ(vocabulary.tokens[2], "<|im_end|>");
  EXPECT_EQ(vocabulary.types[2], TokenType::kControl);
  EXPECT_EQ(vocabulary.types[17], TokenType::kNormal);
  EXPECT_EQ(vocabulary.bos_id, 1);
  EXPECT_EQ(vocabulary.eos_id, 2);
  EXPECT_EQ(vocabulary.padding_id, 2);
  EXPECT_FALSE(vocabulary.add_bos);
  EXPECT_EQ(vocabulary.chat_template.rfind("{% for message in messages %}", 0), 0u);
}

// Computed by another program from the description in fingerprint.h.
TEST_F(DefaultModelTest, HasTheFingerprintThatDraftersAreTrainedFor) {
  EXPECT_EQ(model_->fingerprint().identity,
            "44d204e8fd52932ea96888294927cb6ea6b044d6299a5ec7c9ad132bd675e981");
  EXPECT_EQ(model_->fingerprint().weights,
            "12ec6e8c06546423c545ad3a7677a6ecfab84ee3e1e1a81d8d7fe1731e5248fa");
}

}  // namespace
}  // namespace chimera
