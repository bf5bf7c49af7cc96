#include "tools/gpu_bench/model_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/testing/status_matchers.h"
#include "tools/gpu_bench/random_weights.h"

namespace chimera {
namespace {

TEST(ModelShapesTest, AreValid) {
  for (const ModelShape& shape : ModelShapes()) {
    CHIMERA_EXPECT_OK(ValidateLlamaConfig(shape.config)) << shape.name;
    EXPECT_EQ(FindModelShape(shape.name)->config, shape.config);
  }
  EXPECT_FALSE(FindModelShape("llama").has_value());
}

// The parameters that these models are known to have, in bf16, without the embedding.
TEST(ModelShapesTest, HaveTheKnownSizes) {
  const auto gigabytes = [](const char* name) {
    return 1e-9 * static_cast<double>(StepWeightBytes(FindModelShape(name)->config));
  };
  EXPECT_NEAR(gigabytes("llama-2-7b"), 13.21, 0.01);
  EXPECT_NEAR(gigabytes("llama-2-13b"), 25.70, 0.01);
  EXPECT_NEAR(gigabytes("llama-3-8b"), 15.01, 0.01);
  EXPECT_NEAR(gigabytes("smollm2-135m"), 0.269, 0.001);
  EXPECT_EQ(KvBytesPerPosition(FindModelShape("llama-2-7b")->config), 512 << 10);
  EXPECT_EQ(KvBytesPerPosition(FindModelShape("llama-3-8b")->config), 128 << 10);
}

TEST(ModelShapesTest, NameTheLinearLayers) {
  const std::vector<LinearShape> shapes = LinearShapes(FindModelShape("llama-3-8b")->config);
  ASSERT_EQ(shapes.size(), 5u);
  EXPECT_EQ(shapes[0].output_size, 4096 + 2 * 1024);
  EXPECT_EQ(shapes[2].output_size, 2 * 14336);
  EXPECT_EQ(shapes[3].input_size, 14336);
  EXPECT_EQ(shapes[3].count, 32);
  EXPECT_EQ(shapes[4].count, 1);
}

TEST(RandomWeightsTest, HaveTheShapesOfTheModel) {
  const LlamaConfig config = FindModelShape("tiny")->config;
  const RandomWeights random(config);
  const LlamaWeights& weights = random.weights();
  ASSERT_EQ(weights.layers.size(), 2u);
  const auto expect = [](const TensorView& tensor, int64_t rows, int64_t columns) {
    EXPECT_EQ(tensor.rows, rows);
    EXPECT_EQ(tensor.columns, columns);
    EXPECT_EQ(static_cast<int64_t>(tensor.bytes.size()), rows * columns * 2);
  };
  expect(weights.token_embedding, config.vocab_size, config.hidden_size);
  expect(weights.layers[1].query, config.query_size(), config.hidden_size);
  expect(weights.layers[1].key, config.kv_size(), config.hidden_size);
  expect(weights.layers[1].attention_output, config.hidden_size, config.query_size());
  expect(weights.layers[1].ffn_gate, config.ffn_size, config.hidden_size);
  expect(weights.layers[1].ffn_down, config.hidden_size, config.ffn_size);
  expect(weights.output, config.vocab_size, config.hidden_size);
  expect(weights.output_norm, 1, config.hidden_size);
}

TEST(RandomWeightsTest, KeepTheMagnitudeOfRows) {
  const LlamaConfig config = FindModelShape("tiny")->config;
  const RandomWeights random(config);
  const std::vector<float> query = Widen(random.weights().layers[0].query);
  double squares = 0;
  for (const float x : query) squares += double{x} * x;
  EXPECT_NEAR(squares / static_cast<double>(query.size()) * config.hidden_size, 1, 0.05);
}

TEST(RandomWeightsTest, TensorsDiffer) {
  const RandomWeights random(FindModelShape("tiny")->config);
  std::set<std::vector<float>> first_rows;
  for (const LlamaLayerWeights& layer : random.weights().layers) {
    for (const TensorView* tensor : {&layer.query, &layer.key, &layer.value, &layer.ffn_gate}) {
      std::vector<float> row = Widen(*tensor);
      row.resize(tensor->columns);
      first_rows.insert(row);
    }
  }
  EXPECT_EQ(first_rows.size(), 8u);
}

// Only the largest tensor's bytes are in memory, whatever the number of layers.
TEST(RandomWeightsTest, ShareTheirMemory) {
  LlamaConfig config = FindModelShape("tiny")->config;
  config.layer_count = 200;
  const RandomWeights random(config);
  const std::byte* first = nullptr;
  const std::byte* last = nullptr;
  for (const LlamaLayerWeights& layer : random.weights().layers) {
    for (const TensorView* tensor : {&layer.query, &layer.ffn_gate, &layer.ffn_down}) {
      if (first == nullptr) first = last = tensor->bytes.data();
      first = std::min(first, tensor->bytes.data());
      last = std::max(last, tensor->bytes.data() + tensor->bytes.size());
    }
  }
  EXPECT_LT(last - first, 1 << 20);
}

}  // namespace
}  // namespace chimera
