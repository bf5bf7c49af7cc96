// Too few pages, shared beginnings, prompts up to the context limit, clients that leave, and the
// canary: all at once, and replies are still those of plain decoding.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/e2e/draft_models.h"
#include "tests/e2e/local_draft_source.h"
#include "tests/testing/eventually.h"
#include "tests/testing/faulty_backend.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

constexpr int kManyRequests = 40;
constexpr int32_t kFewPages = 24;

class EnginePressureTest : public EngineFixture, public ::testing::WithParamInterface<float> {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    std::mt19937 random(17);
    for (int i = 0; i < kManyRequests; ++i) {
      GenerationRequest request = MakeLongRequest(i, 1);
      request.prompt.clear();
      const int32_t length = 1 + static_cast<int32_t>(random() % 240);
      // One of three beginnings, and an end of its own.
      const int32_t shared = static_cast<int32_t>(random() % 200);
      for (int32_t p = 0; p < length; ++p) {
        const int32_t byte = p < shared ? p * p + i % 3 : p * 5 + i * 11;
        request.prompt.push_back(kTinyFirstByteToken + byte % 256);
      }
      const int32_t room = kContextLength - length;
      request.stop.max_tokens = i % 4 == 0 ? room : std::min<int32_t>(room, 1 + random() % 60);
      request.sampling.temperature = GetParam();
      request.speculation = {.max_nodes = 24, .max_depth = 6};
      golden_.push_back(Plain(request));
      std::vector<int32_t>& sequence = known_[request.sampling.seed];
      sequence = request.prompt;
      sequence.insert(sequence.end(), golden_.back().tokens.begin(), golden_.back().tokens.end());
      requests_.push_back(std::move(request));
    }
  }

  struct Outcome {
    int compared = 0;
    int differing = 0;
  };

  // Decodes all requests together, some of which are cancelled on the way.
  Outcome Decode(DraftSource* source) {
    EngineConfig config = MakeConfig(/*prefill_chunk=*/32);
    config.canary_fraction = 1;
    config.step_groups = GetParam() == 0 ? 1 : 2;
    const std::unique_ptr<Engine> engine = MakeEngine({source}, config);
    Engine* const pointer = engine.get();
    std::mt19937 random(23);
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (const GenerationRequest& request : requests_) {
      int calls_left = random() % 4 == 0 ? static_cast<int>(random() % 12) : -1;
      sinks.push_back(std::make_shared<CollectingSink>([=, id = request.id]() mutable {
        if (calls_left-- == 0) pointer->Cancel(id).IgnoreError();
      }));
      CHIMERA_EXPECT_OK(engine->Submit(request, sinks.back()));
    }
    Outcome outcome;
    for (int i = 0; i < kManyRequests; ++i) {
      if (!sinks[i]->Wait().ok()) continue;
      ++outcome.compared;
      if (MakeReply(*sinks[i]) != golden_[i]) ++outcome.differing;
    }
    EXPECT_TRUE(Eventually([&] {
      return metrics_.canary.replays.Value() + metrics_.canary.skipped.Value() >= outcome.compared;
    }));
    EXPECT_TRUE(Eventually([&] { return engine->load().free_pages == kFewPages; }));
    return outcome;
  }

  void ExpectLossless(DraftModel* model) {
    MakeBackend(kFewPages);
    LocalDraftSource source(model, model_->config().hidden_size);
    const Outcome outcome = Decode(&source);
    EXPECT_EQ(outcome.differing, 0);
    EXPECT_GT(outcome.compared, kManyRequests / 2);
    EXPECT_LT(outcome.compared, kManyRequests);
    EXPECT_EQ(source.open_count(), 0u);
    EXPECT_GT(metrics_.kv_cache.preemptions.Value(), 0);
    EXPECT_GT(metrics_.kv_cache.prefix_hit_tokens.Value(), 0);
    EXPECT_GT(metrics_.speculation.draft_tokens.Value(), 100);
    EXPECT_GT(metrics_.canary.replays.Value(), 0);
    EXPECT_EQ(metrics_.canary.mismatches.Value(), 0);
  }

  std::vector<GenerationRequest> requests_;
  std::vector<Reply> golden_;
  KnownSequences known_;
};

TEST_P(EnginePressureTest, RandomTrees) {
  RandomTreeDraftModel model(model_->config().vocab_size, 3);
  ExpectLossless(&model);
}

TEST_P(EnginePressureTest, TrueContinuation) {
  TrueContinuationDraftModel model(known_, model_->config().vocab_size);
  ExpectLossless(&model);
}

TEST_P(EnginePressureTest, TheCanaryNoticesACorruptedCommit) {
  MakeBackend(kFewPages);
  backend_ = std::make_unique<FaultyBackend>(std::move(backend_), BackendFault::kCommitOffByOne);
  TrueContinuationDraftModel model(known_, model_->config().vocab_size);
  LocalDraftSource source(&model, model_->config().hidden_size);
  EXPECT_GT(Decode(&source).differing, 0);
  EXPECT_GT(metrics_.canary.mismatches.Value(), 0);
}

INSTANTIATE_TEST_SUITE_P(Temperature, EnginePressureTest, ::testing::Values(0.0f, 1.0f),
                         [](const auto& test) { return test.param == 0 ? "greedy" : "t1"; });

}  // namespace
}  // namespace chimera::testing
