// The default model on an emulated device, which takes minutes.

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cuda/backend/cuda_backend.h"
#include "common/model/default_model_path.h"
#include "common/ops/llama_forward_reference.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/common/cuda/backend/bf16_weights.h"
#include "tests/common/cuda/backend/logits_deviation.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

constexpr char kPrompt[] = "The capital of France is";
constexpr int kNewTokens = 3;

int32_t ArgMax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

TEST(CudaBackendLongTest, DefaultModelAgreesWithTheReference) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<LlamaModel> model,
                               LlamaModel::Open(DefaultModelPath()));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tokenizer> tokenizer,
                               Tokenizer::Create(model->vocabulary()));
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<Backend> backend,
      CudaBackend::Create(model->config(), model->weights(),
                          {.threads = std::make_shared<ThreadPool>(2),
                           .limits = {.page_count = 4, .slot_count = 1, .max_step_rows = 16}}));
  CHIMERA_ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens,
                               tokenizer->Encode(kPrompt, SpecialTokens::kAsText));
  const std::vector<int32_t> pages = PageTable(4);
  std::vector<std::vector<float>> logits;
  int32_t context_length = 0;
  std::span<const int32_t> chunk = tokens;
  for (int i = 0; i < kNewTokens; ++i) {
    const StepResult result = RunStep(backend.get(), SequenceStep{.pages = pages,
                                                                  .context_length = context_length,
                                                                  .chunk = chunk,
                                                                  .outputs = {.logits = true}});
    logits.push_back(result.logits);
    EXPECT_EQ(result.chosen.back(), ArgMax(result.logits));
    context_length = static_cast<int32_t>(tokens.size());
    tokens.push_back(result.chosen.back());
    chunk = std::span(tokens).last(1);
  }
  tokens.pop_back();
  const Bf16Weights weights(model->weights());
  std::vector<std::vector<float>> expected =
      LlamaForwardReference(model->config(), weights.weights(), tokens).logits;
  expected.erase(expected.begin(), expected.end() - kNewTokens);
  const double deviation = LogitsDeviation({logits.begin(), logits.end()}, expected);
  std::cout << "deviation " << deviation << std::endl;
  EXPECT_LT(deviation, kBf16LogitTolerance);
  for (int i = 0; i < kNewTokens; ++i) EXPECT_EQ(ArgMax(logits[i]), ArgMax(expected[i])) << i;
}

}  // namespace
}  // namespace chimera::testing
