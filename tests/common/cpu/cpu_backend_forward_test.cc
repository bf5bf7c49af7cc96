// The CPU backend against the reference forward pass, bit for bit.

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "common/base/float16.h"
#include "common/cpu/cpu_backend.h"
#include "common/ops/llama_forward_reference.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/common/cpu/isa_test_cases.h"
#include "tests/common/cpu/tiny_cpu_backend.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: the harness

constexpr int kPromptTokens = 37;  // three pages, the last one partly filled

struct ForwardCase {
  TinyLlamaOptions model;
  CpuIsa isa;
};

std::vector<ForwardCase> ForwardCases() {
  std::vector<TinyLlamaOptions> models;
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBf16, DataType::kQ8_0,
                              DataType::kQ4_0, DataType::kQ4_1}) {
    models.push_back({.type = type, .embedding_type = type, .tied_embedding = true});
  }
  models.push_back({.type = DataType::kQ4_1, .embedding_type = DataType::kQ8_0});
  // As the default model: three query heads per key/value head, head_dim 64, an odd vocabulary.
  models.push_back({.hidden_size = 192,
                    .query_heads = 3,
                    .kv_heads = 1,
                    .head_dim = 64,
                    .ffn_size = 160,
                    .vocab_size = 333,
                    .tied_embedding = true});
  models.push_back({.query_heads = 6, .kv_heads = 6, .head_dim = 48});
  std::vector<ForwardCase> cases;
  for (const TinyLlamaOptions& model : models) {
    for (const CpuIsa isa : kAllCpuIsas) cases.push_back({model, isa});
  }
  return cases;
}

std::string CaseName(const ::testing::TestParamInfo<ForwardCase>& info) {
  return std::string(DataTypeName(info.param.model.type)) + "_" +
         std::to_string(info.param.model.head_dim) + "_" + std::string(CpuIsaName(info.param.isa)) +
         "_" + std::to_string(info.index);
}

class CpuBackendForwardTest : public ::testing::TestWithParam<ForwardCase> {
 protected:
  void SetUp() override {
    CHIMERA_SKIP_UNLESS_AVAILABLE(GetParam().isa);
    model_ = OpenTinyLlama(GetParam().model);
    backend_ = MakeCpuBackend(*model_, {.isa = GetParam().isa});
    std::mt19937 random(11);
    tokens_ = RandomTokens(kPromptTokens, config().vocab_size, &random);
    reference_ = LlamaForwardReference(config(), model_->weights(), tokens_);
  }

  const LlamaConfig& config() const { return model_->config(); }

  void ExpectLogits(const StepResult& result, int row, int position) const {
    const std::span<const float> logits = LogitsOf(result, row, config().vocab_size);
    const std::vector<float>& expected = reference_.logits[position];
    EXPECT_EQ(std::memcmp(logits.data(), expected.data(), logits.size_bytes()), 0)
        << "position " << position << ": " << logits[0] << " and " << expected[0];
  }

  // The element of a page as the reference has it; positions not written are 0.
  uint16_t ExpectedElement(int layer, bool is_value, int head, int64_t position, int d) const {
    if (position >= kPromptTokens) return 0;
    const auto& vectors = is_value ? reference_.values[layer] : reference_.keys[layer];
    return vectors[position][head * config().head_dim + d];
  }

  void ExpectPage(int page) const {
    std::vector<uint16_t> expected;
    for (int layer = 0; layer < config().layer_count; ++layer) {
      for (const bool is_value : {false, true}) {
        for (int head = 0; head < config().kv_head_count; ++head) {
          for (int i = 0; i < kPagePositions; ++i) {
            for (int d = 0; d < config().head_dim; ++d) {
              expected.push_back(
                  ExpectedElement(layer, is_value, head, page * kPagePositions + i, d));
            }
          }
        }
      }
    }
    const std::vector<std::byte> actual = backend_->CopyPage(page);
    ASSERT_EQ(actual.size(), expected.size() * sizeof(uint16_t));
    EXPECT_EQ(std::memcmp(actual.data(), expected.data(), actual.size()), 0) << "page " << page;
  }

  std::unique_ptr<LlamaModel> model_;
  std::unique_ptr<Backend> backend_;
  std::vector<int32_t> tokens_;
  LlamaForwardResult reference_;
};

TEST_P(CpuBackendForwardTest, PrefillEqualsTheReference) {
  const std::vector<int32_t> pages = PageTable(3);
  const StepResult result = Prefill(backend_.get(), pages, tokens_, kPromptTokens);
  ExpectLogits(result, kPromptTokens - 1, kPromptTokens - 1);
  for (int page = 0; page < 3; ++page) ExpectPage(page);
}

TEST_P(CpuBackendForwardTest, DecodingEqualsTheReference) {
  const std::vector<int32_t> pages = PageTable(3);
  for (int position = 0; position < kPromptTokens; ++position) {
    const TokenTree tree = TokenTree::RootOnly(tokens_[position]);
    const StepResult result = RunStep(backend_.get(), SequenceStep{.slot = 1,
                                                                   .pages = pages,
                                                                   .context_length = position,
                                                                   .tree = &tree,
                                                                   .outputs = {.logits = true}});
    ExpectLogits(result, 0, position);
    const int root = 0;
    const CommitRequest commit = {
        .slot = 1, .pages = pages, .context_length = position, .nodes = std::span(&root, 1)};
    ASSERT_TRUE(backend_->Commit(std::span(&commit, 1)).ok());
  }
  for (int page = 0; page < 3; ++page) ExpectPage(page);
}

TEST_P(CpuBackendForwardTest, TappedLayersEqualTheReference) {
  const std::vector<int32_t> pages = PageTable(3);
  const std::vector<int32_t> taps = {0, 1, config().layer_count};
  const SequenceStep step = {
      .pages = pages, .chunk = tokens_, .sample = false, .outputs = {.hidden_states = true}};
  const StepResult result =
      RunStep(backend_.get(), {.sequences = std::span(&step, 1), .tapped_layers = taps});
  ASSERT_EQ(result.hidden_states.size(), kPromptTokens * taps.size() * config().hidden_size);
  const uint16_t* actual = result.hidden_states.data();
  for (int row = 0; row < kPromptTokens; ++row) {
    for (const int32_t layer : taps) {
      for (const float expected : reference_.hidden_states[row][layer]) {
        ASSERT_EQ(*actual++, FloatToBf16(expected)) << "row " << row << " layer " << layer;
      }
    }
  }
  EXPECT_EQ(result.chosen, std::vector<int32_t>(kPromptTokens, -1));
  EXPECT_TRUE(result.logits.empty());
  EXPECT_TRUE(result.logits_row.empty());
}

INSTANTIATE_TEST_SUITE_P(Models, CpuBackendForwardTest, ::testing::ValuesIn(ForwardCases()),
                         CaseName);

}  // namespace
}  // namespace chimera
