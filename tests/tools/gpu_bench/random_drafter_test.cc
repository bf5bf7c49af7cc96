#include "tools/gpu_bench/random_drafter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

#include "tests/testing/status_matchers.h"
#include "tools/gpu_bench/model_shapes.h"

namespace chimera {
namespace {

using ::testing::ElementsAre;

TEST(DefaultDrafterTest, IsValidForEveryModel) {
  for (const ModelShape& shape : ModelShapes()) {
    CHIMERA_EXPECT_OK(ValidateDraftNetworkConfig(DefaultDrafter(shape.config))) << shape.name;
  }
}

// As the drafter that the default model comes with was trained.
TEST(DefaultDrafterTest, IsWhatIsTrained) {
  const DraftNetworkConfig config = DefaultDrafter(FindModelShape("smollm2-135m")->config);
  EXPECT_EQ(config.ffn_size, 1536);
  EXPECT_EQ(config.trigram_hidden_size, 1152);
  EXPECT_EQ(config.draft_vocab_size, 12288);
  EXPECT_EQ(config.context_window, 512);
  EXPECT_THAT(config.tapped_layers, ElementsAre(3, 15, 30));
}

TEST(RandomDrafterTest, HasTheShapesOfTheNetwork) {
  const LlamaConfig target = FindModelShape("tiny")->config;
  const RandomDrafter drafter(target);
  const DraftNetworkModel model = drafter.model(100);
  const DraftNetworkConfig& config = drafter.config();
  const auto expect = [](const TensorView& tensor, int64_t rows, int64_t columns) {
    EXPECT_EQ(tensor.rows, rows);
    EXPECT_EQ(tensor.columns, columns);
    EXPECT_EQ(static_cast<int64_t>(tensor.bytes.size()), rows * columns * 2);
  };
  EXPECT_EQ(model.position_limit, 100);
  expect(model.embedding, target.vocab_size, 128);
  expect(model.weights.trigram_encoder.w1, 256, 3 * 128);
  expect(model.weights.feature_fusion.norms, 3, 128);
  expect(model.weights.feature_fusion.weight, 128, 3 * 128);
  expect(model.weights.context_encoder.input, 128, 2 * 128);
  expect(model.weights.context_encoder.key, 64, 128);
  expect(model.weights.context_encoder.ffn_down, 128, config.ffn_size);
  expect(model.weights.residual_head.embedding, config.draft_vocab_size, 128);
  EXPECT_EQ(model.weights.residual_head.vocabulary.back(), config.draft_vocab_size - 1);
}

TEST(RandomDrafterTest, ALevelReadsItsLinearLayers) {
  const RandomDrafter drafter(FindModelShape("tiny")->config);
  const DraftWeights& weights = drafter.model(1).weights;
  const ContextEncoderWeights& encoder = weights.context_encoder;
  int64_t bytes = 0;
  for (const TensorView& tensor :
       {weights.trigram_encoder.w1, weights.trigram_encoder.w2, encoder.input, encoder.query,
        encoder.key, encoder.value, encoder.attention_output, encoder.ffn_gate, encoder.ffn_up,
        encoder.ffn_down, weights.residual_head.embedding}) {
    bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  EXPECT_EQ(DraftLevelWeightBytes(drafter.config()), bytes);
}

}  // namespace
}  // namespace chimera
