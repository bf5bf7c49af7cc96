// An engine over a tiny random model on the CPU, for tests of its behaviour.

#ifndef CHIMERA_TESTS_VERIFIER_ENGINE_ENGINE_FIXTURE_H_
#define CHIMERA_TESTS_VERIFIER_ENGINE_ENGINE_FIXTURE_H_

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/backend/backend_factory.h"
#include "common/base/clock.h"
#include "common/metrics/verifier_metrics.h"
#include "common/model/llama_model.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"
#include "tests/verifier/engine/collecting_sink.h"
#include "verifier/engine/engine.h"

namespace chimera::testing {

// What a reply must not depend on anything for.
struct Reply {
  std::vector<int32_t> tokens;
  std::string text;
  FinishReason finish_reason = FinishReason::kStop;
  int32_t completion_tokens = 0;

  friend bool operator==(const Reply&, const Reply&) = default;
};

// Owns model, backend and tokenizer; makes engines over them, one at a time.
class EngineFixture : public ::testing::Test {
 protected:
  static constexpr int32_t kSlots = 8;
  static constexpr int32_t kContextLength = 256;
  static constexpr int32_t kPages = kSlots * kContextLength / kPagePositions;

  void SetUp() override {
    const std::string path = directory_.path() + "/tiny.gguf";
    TinyLlamaOptions options;
    options.context_length = kContextLength;
    WriteTinyLlama(path, options);
    CHIMERA_ASSERT_OK_AND_ASSIGN(model_, LlamaModel::Open(path));
    CHIMERA_ASSERT_OK_AND_ASSIGN(tokenizer_, Tokenizer::Create(model_->vocabulary()));
    MakeBackend(kPages);
  }

  void MakeBackend(int32_t page_count) {
    BackendOptions backend;
    backend.limits = {page_count, kSlots, 256 + kSlots * TokenTree::kMaxNodes};
    CHIMERA_ASSERT_OK_AND_ASSIGN(backend_, CreateBackend(*model_, backend));
  }

  // Node planning is off: what a drafter proposes is verified.
  static EngineConfig MakeConfig(int32_t prefill_chunk = 64, int32_t max_running = kSlots) {
    EngineConfig config;
    config.max_running_requests = max_running;
    config.prefill_chunk = prefill_chunk;
    config.planning = NodePlanning::kVerifyAll;
    return config;
  }

  std::unique_ptr<Engine> MakeEngine(std::vector<DraftSource*> sources,
                                     const EngineConfig& config = MakeConfig()) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(
        {backend_.get(), tokenizer_.get(), std::move(sources), clock_, &metrics_}, config);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }

  // A request whose prompt depends on `index` only.
  GenerationRequest MakeRequest(int index, int32_t max_tokens) const {
    GenerationRequest request;
    request.id = "request-" + std::to_string(index);
    const int length = 1 + (index * 13) % 90;
    for (int i = 0; i < length; ++i) {
      request.prompt.push_back(kTinyFirstByteToken + (index * 31 + i * i * 7) % 256);
    }
    request.stop.max_tokens = max_tokens;
    request.sampling.seed = 1000 + static_cast<uint64_t>(index);
    return request;
  }

  // A request that goes on until max_tokens.
  GenerationRequest MakeLongRequest(int index, int32_t max_tokens) const {
    GenerationRequest request = MakeRequest(index, max_tokens);
    request.stop.ignore_eos = true;
    return request;
  }

  // The reply of plain decoding, by an engine of its own.
  Reply Plain(GenerationRequest request) {
    const auto sink = std::make_shared<CollectingSink>();
    const std::unique_ptr<Engine> engine = MakeEngine({});
    CHIMERA_EXPECT_OK(engine->Submit(std::move(request), sink));
    CHIMERA_EXPECT_OK(sink->Wait());
    return MakeReply(*sink);
  }

  static Reply MakeReply(const CollectingSink& sink) {
    return {sink.tokens(), sink.text(), sink.result().finish_reason,
            sink.result().completion_tokens};
  }

  TempDirectory directory_;
  RealClock real_clock_;
  const Clock* clock_ = &real_clock_;  // of its engines
  prometheus::Registry registry_;
  VerifierMetrics metrics_{&registry_, {.context_length = kContextLength}};  // of all its engines
  std::shared_ptr<const LlamaModel> model_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_ENGINE_ENGINE_FIXTURE_H_
