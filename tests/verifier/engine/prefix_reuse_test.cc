// Requests take over the K/V of what others have computed, and answer the same.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <random>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

class PrefixReuseTest : public EngineFixture {
 protected:
  Reply Decode(Engine* engine, GenerationRequest request) {
    const auto sink = std::make_shared<CollectingSink>();
    CHIMERA_EXPECT_OK(engine->Submit(std::move(request), sink));
    CHIMERA_EXPECT_OK(sink->Wait());
    return MakeReply(*sink);
  }

  // A prompt that begins like all others and goes on as `kind` says.
  GenerationRequest MakeRequestWithPrompt(int kind, int32_t shared, int32_t length,
                                          int32_t max_tokens) const {
    GenerationRequest request = MakeLongRequest(kind, max_tokens);
    request.prompt.clear();
    for (int32_t i = 0; i < length; ++i) {
      const int32_t byte = i < shared ? i * i : i * i * 3 + kind * 17;
      request.prompt.push_back(kTinyFirstByteToken + byte % 256);
    }
    return request;
  }

  double hits() const { return metrics_.kv_cache.prefix_hit_tokens.Value(); }
};

TEST_F(PrefixReuseTest, AnEqualPromptIsReadOnce) {
  const GenerationRequest request = MakeRequestWithPrompt(1, 0, 100, 20);
  const Reply golden = Plain(request);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  EXPECT_EQ(Decode(engine.get(), request), golden);
  EXPECT_EQ(hits(), 0);
  EXPECT_EQ(Decode(engine.get(), request), golden);
  EXPECT_EQ(hits(), 96);
}

TEST_F(PrefixReuseTest, TheLastPositionOfAPromptIsAlwaysComputed) {
  const GenerationRequest request = MakeRequestWithPrompt(1, 0, 64, 20);
  const Reply golden = Plain(request);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  EXPECT_EQ(Decode(engine.get(), request), golden);
  EXPECT_EQ(Decode(engine.get(), request), golden);
  EXPECT_EQ(hits(), 48);
}

TEST_F(PrefixReuseTest, TheNextTurnTakesOverPromptAndReply) {
  const std::unique_ptr<Engine> engine = MakeEngine({});
  const GenerationRequest first = MakeRequestWithPrompt(1, 0, 70, 60);
  const Reply reply = Decode(engine.get(), first);
  GenerationRequest second = MakeRequestWithPrompt(2, 0, 0, 20);
  second.prompt = first.prompt;
  second.prompt.insert(second.prompt.end(), reply.tokens.begin(), reply.tokens.end());
  for (int i = 0; i < 30; ++i) second.prompt.push_back(kTinyFirstByteToken + i);
  const Reply golden = Plain(second);
  EXPECT_EQ(Decode(engine.get(), second), golden);
  // All full pages of the 130 positions, but for the newest token, which has no K/V.
  EXPECT_EQ(hits(), 128);
}

TEST_F(PrefixReuseTest, RequestsThatRunTogetherShareTheirBeginning) {
  std::vector<GenerationRequest> requests;
  std::vector<Reply> golden;
  for (int i = 0; i < kSlots; ++i) {
    requests.push_back(MakeRequestWithPrompt(i, 150, 160, 40));
    golden.push_back(Plain(requests.back()));
  }
  // Without sharing, 8 x 13 pages.
  MakeBackend(/*page_count=*/50);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  EXPECT_EQ(Decode(engine.get(), requests[0]), golden[0]);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  int32_t most_running = 0;
  // The first one waits for the others to be in the queue.
  std::promise<void> all_are_in;
  const std::shared_future<void> in = all_are_in.get_future().share();
  for (const GenerationRequest& request : requests) {
    sinks.push_back(std::make_shared<CollectingSink>([&most_running, &engine, in] {
      in.wait();
      most_running = std::max(most_running, engine->load().running_requests);
    }));
    CHIMERA_ASSERT_OK(engine->Submit(request, sinks.back()));
  }
  all_are_in.set_value();
  for (int i = 0; i < kSlots; ++i) {
    CHIMERA_EXPECT_OK(sinks[i]->Wait());
    EXPECT_EQ(MakeReply(*sinks[i]), golden[i]);
  }
  EXPECT_EQ(most_running, kSlots);
  EXPECT_EQ(metrics_.kv_cache.preemptions.Value(), 0);
}

TEST_F(PrefixReuseTest, AllPagesAreBackAfterManyRequestsAndCancels) {
  MakeBackend(/*page_count=*/40);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  std::mt19937 random(7);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  int cancelled = 0;
  for (int i = 0; i < 1'000; ++i) {
    GenerationRequest request = MakeRequestWithPrompt(
        static_cast<int>(random() % 20), static_cast<int>(random() % 100),
        1 + static_cast<int>(random() % 120), 1 + static_cast<int>(random() % 12));
    request.id = "request-" + std::to_string(i);
    sinks.push_back(std::make_shared<CollectingSink>());
    CHIMERA_ASSERT_OK(engine->Submit(std::move(request), sinks.back()));
    if (random() % 4 == 0 && engine->Cancel("request-" + std::to_string(i)).ok()) ++cancelled;
    while (sinks.size() > 16) {
      sinks.front()->Wait().IgnoreError();
      sinks.erase(sinks.begin());
    }
  }
  for (const auto& sink : sinks) sink->Wait().IgnoreError();
  EXPECT_TRUE(Eventually([&] { return engine->load().free_pages == 40; }));
  EXPECT_GT(hits(), 0);
  EXPECT_GT(cancelled, 100);
}

}  // namespace
}  // namespace chimera::testing
