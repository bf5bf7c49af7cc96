#include "common/ops/llama_forward_reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "common/model/llama_model.h"
#include "tests/common/ops/llama_forward_in_double.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using testing::ForwardMistake;
using testing::LlamaForwardInDouble;

class LlamaForwardReferenceTest : public ::testing::Test {
 protected:
  // Opens a small model whose weights are all of this type.
  void OpenModel(DataType type) {
    const std::string path = directory_.path() + "/tiny.gguf";
    testing::WriteTinyLlama(path, {.type = type, .embedding_type = type});
    auto model = LlamaModel::Open(path);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  LlamaForwardResult Forward(std::span<const int32_t> tokens) const {
    return LlamaForwardReference(model_->config(), model_->weights(), tokens);
  }

  // The largest difference of a logit, relative to the largest logit.
  double Deviation(const LlamaForwardResult& result, std::span<const int32_t> tokens,
                   ForwardMistake mistake) const {
    const std::vector<std::vector<double>> expected =
        LlamaForwardInDouble(model_->config(), model_->weights(), tokens, mistake);
    double largest = 0, difference = 0;
    for (size_t row = 0; row < expected.size(); ++row) {
      for (size_t v = 0; v < expected[row].size(); ++v) {
        largest = std::max(largest, std::fabs(expected[row][v]));
        difference = std::max(difference, std::fabs(expected[row][v] - result.logits[row][v]));
      }
    }
    return difference / largest;
  }

  static std::vector<int32_t> SomeTokens(int count) {
    std::vector<int32_t> tokens(count);
    for (int i = 0; i < count; ++i) tokens[i] = 3 + i * 37 % 256;
    return tokens;
  }

  const testing::TempDirectory directory_;
  std::unique_ptr<LlamaModel> model_;
};

// Keys and values are rounded to fp16, by up to 2^-11 of themselves: by far the coarsest step,
// since weights are fp32. Such errors are independent and average out over a head and the
// positions, so a few units of 2^-11 are left after all layers.
constexpr double kHalfRounding = 0x1p-11;
constexpr double kForwardTolerance = 2 * kHalfRounding;

TEST_F(LlamaForwardReferenceTest, AgreesWithDoublePrecision) {
  OpenModel(DataType::kF32);
  const std::vector<int32_t> tokens = SomeTokens(24);
  const LlamaForwardResult result = Forward(tokens);
  const double deviation = Deviation(result, tokens, ForwardMistake::kNone);
  RecordProperty("deviation", std::to_string(deviation));
  EXPECT_LT(deviation, kForwardTolerance);
}

// The comparison above notices every mistake by a wide margin.
TEST_F(LlamaForwardReferenceTest, DiffersFromWrongForwards) {
  OpenModel(DataType::kF32);
  const std::vector<int32_t> tokens = SomeTokens(24);
  const LlamaForwardResult result = Forward(tokens);
  for (const ForwardMistake mistake :
       {ForwardMistake::kFutureVisible, ForwardMistake::kHalvesRotated,
        ForwardMistake::kHeadsInterleaved, ForwardMistake::kGateAndUpSwapped,
        ForwardMistake::kNoAttentionNorm, ForwardMistake::kNoFeedForwardResidual}) {
    EXPECT_GT(Deviation(result, tokens, mistake), 10 * kForwardTolerance)
        << static_cast<int>(mistake);
  }
}

TEST_F(LlamaForwardReferenceTest, ResultHasTheDocumentedShape) {
  OpenModel(DataType::kQ4_1);
  const LlamaConfig& config = model_->config();
  const std::vector<int32_t> tokens = SomeTokens(5);
  const LlamaForwardResult result = Forward(tokens);
  ASSERT_EQ(result.logits.size(), tokens.size());
  ASSERT_EQ(result.hidden_states.size(), tokens.size());
  for (size_t row = 0; row < tokens.size(); ++row) {
    EXPECT_EQ(result.logits[row].size(), static_cast<size_t>(config.vocab_size));
    ASSERT_EQ(result.hidden_states[row].size(), static_cast<size_t>(config.layer_count) + 1);
    std::vector<float> embedding(config.hidden_size);
    const TensorView& weight = model_->weights().token_embedding;
    Dequantize(weight.type, weight.row(tokens[row]), embedding);
    EXPECT_EQ(result.hidden_states[row][0], embedding);
  }
  ASSERT_EQ(result.keys.size(), static_cast<size_t>(config.layer_count));
  ASSERT_EQ(result.values.size(), static_cast<size_t>(config.layer_count));
  for (int layer = 0; layer < config.layer_count; ++layer) {
    ASSERT_EQ(result.keys[layer].size(), tokens.size());
    ASSERT_EQ(result.values[layer].size(), tokens.size());
    EXPECT_EQ(result.keys[layer][4].size(), static_cast<size_t>(config.kv_size()));
    EXPECT_EQ(result.values[layer][4].size(), static_cast<size_t>(config.kv_size()));
  }
}

// A later token changes nothing before it, not one bit, and everything from it on.
TEST_F(LlamaForwardReferenceTest, IsCausal) {
  OpenModel(DataType::kQ4_1);
  constexpr size_t kChanged = 7;
  std::vector<int32_t> tokens = SomeTokens(12);
  const LlamaForwardResult before = Forward(tokens);
  tokens[kChanged] += 1;
  const LlamaForwardResult after = Forward(tokens);
  for (size_t row = 0; row < tokens.size(); ++row) {
    EXPECT_EQ(after.logits[row] == before.logits[row], row < kChanged) << row;
    EXPECT_EQ(after.hidden_states[row] == before.hidden_states[row], row < kChanged) << row;
  }
}

TEST_F(LlamaForwardReferenceTest, LongerSequencesBeginLikeShorterOnes) {
  OpenModel(DataType::kQ8_0);
  const std::vector<int32_t> tokens = SomeTokens(20);
  const LlamaForwardResult all = Forward(tokens);
  const LlamaForwardResult some = Forward(std::span(tokens).first(9));
  for (size_t row = 0; row < 9; ++row) EXPECT_EQ(all.logits[row], some.logits[row]) << row;
}

// Positions enter through RoPE alone, as distances. Where all tokens are the same, so are all
// values, and whatever the weights of a row, their mean is that value: a shift cannot show.
TEST_F(LlamaForwardReferenceTest, ARepeatedTokenHasTheSameLogitsEverywhere) {
  OpenModel(DataType::kF32);
  const LlamaForwardResult result = Forward(std::vector<int32_t>(20, 100));
  // The mean is rounded once per position and the total likewise; two layers pass that on. With
  // these weights no value is so near a tie of fp16 that this moves it across.
  constexpr double kMeanRoundings = 2 * 2 * 20 * 0x1p-24;
  double largest = 0;
  for (const float logit : result.logits[0]) largest = std::max(largest, std::fabs(double{logit}));
  for (size_t row = 1; row < result.logits.size(); ++row) {
    for (size_t v = 0; v < result.logits[row].size(); ++v) {
      ASSERT_NEAR(result.logits[row][v], result.logits[0][v], kMeanRoundings * largest) << row;
    }
  }
}

// The same tokens in another order are another text.
TEST_F(LlamaForwardReferenceTest, TheOrderOfEarlierTokensCounts) {
  OpenModel(DataType::kF32);
  const std::vector<int32_t> one = {10, 50, 90, 130}, other = {50, 10, 90, 130};
  const LlamaForwardResult first = Forward(one), second = Forward(other);
  double difference = 0;
  for (size_t v = 0; v < first.logits[3].size(); ++v) {
    difference = std::max(difference, std::fabs(double{first.logits[3][v]} - second.logits[3][v]));
  }
  EXPECT_GT(difference, 0.01);
}

}  // namespace
}  // namespace chimera
