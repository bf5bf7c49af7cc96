// The CUDA backend computes the model: its logits are those of the reference forward pass on the
// same weights, as near as bf16 activations allow. On whatever device the program links.

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <vector>

#include "common/cuda/backend/cuda_backend.h"
#include "common/ops/llama_forward_reference.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/common/cuda/backend/bf16_weights.h"
#include "tests/common/cuda/backend/logits_deviation.h"
#include "tests/common/ops/llama_forward_in_double.h"
#include "tests/testing/gpu.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

constexpr int kPrompt = 40;
constexpr int kTokens = kPrompt + TokenTree::kMaxDepth + 1;

// A chain of tokens: the tree with one path.
TokenTree Chain(std::span<const int32_t> tokens, int32_t vocab_size) {
  std::vector<int32_t> parents(tokens.size());
  std::iota(parents.begin(), parents.end(), -1);
  return *TokenTree::Create(tokens, parents, vocab_size);
}

class CudaBackendLogitsTest : public ::testing::TestWithParam<Numerics> {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }

  // Opens the model on the device; skips the test where the numerics are refused, which an emulated
  // device has no reason for.
  void Open(const TinyLlamaOptions& options) {
    model_ = OpenTinyLlama(options);
    std::mt19937 random(13);
    tokens_ = RandomTokens(kTokens, model_->config().vocab_size, &random);
    absl::StatusOr<std::unique_ptr<Backend>> backend =
        CudaBackend::Create(model_->config(), model_->weights(),
                            {.numerics = GetParam(),
                             .limits = {.page_count = 8, .slot_count = 1, .max_step_rows = 64}});
    if (GetParam() == Numerics::kPinned && !DeviceIsEmulated() &&
        absl::IsFailedPrecondition(backend.status())) {
      GTEST_SKIP() << backend.status().message() << ": it is NOT tested";
    }
    CHIMERA_CHECK(backend.ok()) << backend.status();
    backend_ = *std::move(backend);
  }

  // Logits of the tokens after a prompt: the backend samples at the end of a chunk and everywhere
  // in a tree.
  std::vector<std::vector<float>> Logits() {
    const int32_t vocab_size = model_->config().vocab_size;
    const std::vector<int32_t> pages = PageTable(8);
    Prefill(backend_.get(), pages, std::span(tokens_).first(kPrompt), kPrompt);
    const TokenTree tree = Chain(std::span(tokens_).subspan(kPrompt), vocab_size);
    const StepResult result = RunStep(
        backend_.get(),
        SequenceStep{
            .pages = pages, .context_length = kPrompt, .tree = &tree, .outputs = {.logits = true}});
    std::vector<std::vector<float>> logits;
    for (int row = 0; row < tree.size(); ++row) {
      const std::span<const float> values = LogitsOf(result, row, vocab_size);
      logits.emplace_back(values.begin(), values.end());
    }
    return logits;
  }

  // Of Logits() from the rows after the prompt.
  template <typename Expected>
  static double Deviation(const std::vector<std::vector<float>>& logits,
                          std::vector<std::vector<Expected>> expected) {
    expected.erase(expected.begin(), expected.begin() + kPrompt);
    return LogitsDeviation({logits.begin(), logits.end()}, expected);
  }

  void ExpectTheReference(const TinyLlamaOptions& options) {
    Open(options);
    if (IsSkipped()) return;
    const Bf16Weights weights(model_->weights());
    const double deviation = Deviation(
        Logits(), LlamaForwardReference(model_->config(), weights.weights(), tokens_).logits);
    RecordProperty("deviation", std::to_string(deviation));
    EXPECT_LT(deviation, kBf16LogitTolerance);
  }

  std::unique_ptr<LlamaModel> model_;
  std::unique_ptr<Backend> backend_;
  std::vector<int32_t> tokens_;
};

TEST_P(CudaBackendLogitsTest, AreThoseOfTheReference) {
  ExpectTheReference({.head_dim = 64, .vocab_size = 512, .seed = 31});
}

TEST_P(CudaBackendLogitsTest, AlsoOfOtherShapes) {
  ExpectTheReference({.layer_count = 1,
                      .hidden_size = 96,
                      .query_heads = 3,
                      .kv_heads = 3,
                      .head_dim = 128,
                      .ffn_size = 160,
                      .vocab_size = 272,
                      .type = DataType::kBf16,
                      .tied_embedding = true,
                      .seed = 32});
}

// The output layer is padded to whole tiles.
TEST_P(CudaBackendLogitsTest, AlsoOfVocabulariesThatAreNoMultipleOf16) {
  for (const int32_t vocab_size : {321, 328}) {
    SCOPED_TRACE(vocab_size);
    ExpectTheReference({.head_dim = 64, .vocab_size = vocab_size, .seed = 33});
  }
}

// Rows of many tiles, and layers as wide as a small model's.
TEST_P(CudaBackendLogitsTest, AlsoOfLargerSizes) {
  if (DeviceIsEmulated()) GTEST_SKIP() << "takes long on an emulated device";
  ExpectTheReference({.layer_count = 3,
                      .hidden_size = 576,
                      .query_heads = 9,
                      .kv_heads = 3,
                      .head_dim = 64,
                      .ffn_size = 1536,
                      .vocab_size = 784,
                      .type = DataType::kBf16,
                      .seed = 34});
}

// The comparison above notices every mistake by a wide margin.
TEST_P(CudaBackendLogitsTest, DifferFromWrongForwards) {
  Open({.head_dim = 64, .vocab_size = 512, .seed = 31});
  if (IsSkipped()) return;
  const Bf16Weights weights(model_->weights());
  const std::vector<std::vector<float>> logits = Logits();
  const auto deviation = [&](ForwardMistake mistake) {
    return Deviation(logits,
                     LlamaForwardInDouble(model_->config(), weights.weights(), tokens_, mistake));
  };
  EXPECT_LT(deviation(ForwardMistake::kNone), kBf16LogitTolerance);
  for (const ForwardMistake mistake :
       {ForwardMistake::kFutureVisible, ForwardMistake::kHalvesRotated,
        ForwardMistake::kHeadsInterleaved, ForwardMistake::kGateAndUpSwapped,
        ForwardMistake::kNoAttentionNorm, ForwardMistake::kNoFeedForwardResidual}) {
    EXPECT_GT(deviation(mistake), 4 * kBf16LogitTolerance) << static_cast<int>(mistake);
  }
}

INSTANTIATE_TEST_SUITE_P(Numerics, CudaBackendLogitsTest,
                         ::testing::Values(Numerics::kStrict, Numerics::kPinned),
                         [](const auto& test) { return std::string(NumericsName(test.param)); });

}  // namespace
}  // namespace chimera::testing
