#include "verifier/engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::HasSubstr;

class EngineTest : public EngineFixture {
 protected:
  void ExpectIdle(const Engine& engine) {
    EXPECT_TRUE(Eventually([&] { return engine.load().running_requests == 0; }));
    EXPECT_EQ(engine.load().free_pages, backend_->limits().page_count);
    EXPECT_EQ(engine.load().waiting_requests, 0);
  }
};

TEST_F(EngineTest, EndsAtMaxTokens) {
  for (const int32_t max_tokens : {1, 2, 17}) {
    const Reply reply = Plain(MakeLongRequest(3, max_tokens));
    EXPECT_EQ(reply.finish_reason, FinishReason::kLength);
    EXPECT_EQ(reply.tokens.size(), static_cast<size_t>(max_tokens));
    EXPECT_EQ(reply.completion_tokens, max_tokens);
  }
}

TEST_F(EngineTest, EndsAtAStopTokenAndKeepsIt) {
  const Reply whole = Plain(MakeLongRequest(3, 20));
  GenerationRequest request = MakeLongRequest(3, 20);
  request.stop.stop_token_ids = {whole.tokens[7]};
  const Reply reply = Plain(request);
  EXPECT_EQ(reply.finish_reason, FinishReason::kStop);
  EXPECT_EQ(reply.tokens.back(), whole.tokens[7]);
  EXPECT_LE(reply.tokens.size(), 8u);
}

TEST_F(EngineTest, RefusesWhatCannotFit) {
  const std::unique_ptr<Engine> engine = MakeEngine({});
  const auto sink = std::make_shared<CollectingSink>();
  const auto is_too_long =
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("together at most 256"));
  EXPECT_THAT(engine->Submit(MakeRequest(1, kContextLength), sink), is_too_long);
  EXPECT_THAT(engine->Submit(MakeRequest(1, 0), sink), is_too_long);
  GenerationRequest empty;
  empty.stop.max_tokens = 1;
  EXPECT_THAT(engine->Submit(empty, sink), is_too_long);
}

TEST_F(EngineTest, CancelEndsARunningAndAWaitingRequest) {
  const std::unique_ptr<Engine> engine = MakeEngine({}, MakeConfig(64, /*max_running=*/1));
  Engine* const pointer = engine.get();
  // Cancels itself with its third token, once the waiting one is cancelled: nothing may come after
  // the step that notices.
  std::promise<void> waiting_is_cancelled;
  int calls = 0;
  const auto running = std::make_shared<CollectingSink>(
      [&calls, pointer, cancelled = waiting_is_cancelled.get_future().share()] {
        if (++calls != 3) return;
        cancelled.wait();
        CHIMERA_EXPECT_OK(pointer->Cancel("request-1"));
      });
  const auto waiting = std::make_shared<CollectingSink>();
  CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(1, 200), running));
  CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(2, 200), waiting));
  EXPECT_THAT(engine->Cancel("request-2", running.get()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("request-2")));
  CHIMERA_EXPECT_OK(engine->Cancel("request-2", waiting.get()));
  waiting_is_cancelled.set_value();
  EXPECT_THAT(waiting->Wait(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
  EXPECT_THAT(running->Wait(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
  EXPECT_EQ(running->tokens().size(), 3u);
  EXPECT_THAT(engine->Cancel("request-1"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("request-1")));
  ExpectIdle(*engine);
}

TEST_F(EngineTest, RefusesDuplicatesAndAFullQueue) {
  EngineConfig config = MakeConfig(64, /*max_running=*/1);
  config.max_waiting_requests = 2;
  const std::unique_ptr<Engine> engine = MakeEngine({}, config);
  // The engine's thread is held inside the first request's callback, so the queue's length is
  // known.
  std::promise<void> queue_is_full;
  const auto first = std::make_shared<CollectingSink>(
      [full = queue_is_full.get_future().share()] { full.wait(); });
  CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(0, 5), first));
  ASSERT_TRUE(Eventually([&] { return engine->load().waiting_requests == 0; }));
  std::vector<std::shared_ptr<CollectingSink>> sinks(2);
  for (int i = 0; i < 2; ++i) {
    sinks[i] = std::make_shared<CollectingSink>();
    CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(i + 1, 5), sinks[i]));
  }
  EXPECT_THAT(engine->Submit(MakeLongRequest(9, 5), first),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 requests wait")));
  queue_is_full.set_value();
  for (const auto& sink : sinks) CHIMERA_EXPECT_OK(sink->Wait());
  ExpectIdle(*engine);
}

TEST_F(EngineTest, BoundsTheTokensThatWait) {
  EngineConfig config = MakeConfig(64, /*max_running=*/1);
  config.max_waiting_tokens = 50;
  const std::unique_ptr<Engine> engine = MakeEngine({}, config);
  std::promise<void> all_are_in;
  const auto first =
      std::make_shared<CollectingSink>([in = all_are_in.get_future().share()] { in.wait(); });
  CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(0, 5), first));
  ASSERT_TRUE(Eventually([&] { return engine->load().waiting_requests == 0; }));
  // The first to wait may be of any size.
  std::vector<std::shared_ptr<CollectingSink>> sinks(2, nullptr);
  for (auto& sink : sinks) sink = std::make_shared<CollectingSink>();
  GenerationRequest large = MakeLongRequest(1, 5), small = MakeLongRequest(2, 5);
  large.prompt.assign(60, kTinyFirstByteToken);
  small.prompt.assign(1, kTinyFirstByteToken);
  CHIMERA_ASSERT_OK(engine->Submit(large, sinks[0]));
  EXPECT_THAT(engine->Submit(small, sinks[1]),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("60 tokens, with this one of 1 they would exceed 50")));
  all_are_in.set_value();
  CHIMERA_EXPECT_OK(sinks[0]->Wait());
  CHIMERA_ASSERT_OK(engine->Submit(small, sinks[1]));
  CHIMERA_EXPECT_OK(sinks[1]->Wait());
  ExpectIdle(*engine);
}

TEST_F(EngineTest, ServesMoreRequestsThanPagesAllowAtOnce) {
  MakeBackend(/*page_count=*/10);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (int i = 0; i < 20; ++i) {
    sinks.push_back(std::make_shared<CollectingSink>());
    CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(i, 60), sinks.back()));
  }
  for (const auto& sink : sinks) CHIMERA_EXPECT_OK(sink->Wait());
  ExpectIdle(*engine);
}

TEST_F(EngineTest, DrainLetsRunningRequestsFinishAndRefusesNewOnes) {
  const std::unique_ptr<Engine> engine = MakeEngine({});
  const auto sink = std::make_shared<CollectingSink>();
  CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(1, 50), sink));
  engine->Drain(clock_->Now() + std::chrono::minutes(1));
  CHIMERA_EXPECT_OK(sink->Wait());
  EXPECT_EQ(sink->tokens().size(), 50u);
  EXPECT_THAT(engine->Submit(MakeLongRequest(2, 5), sink),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
}

TEST_F(EngineTest, DrainEndsWhatOutlastsItsDeadline) {
  const std::unique_ptr<Engine> engine = MakeEngine({}, MakeConfig(64, /*max_running=*/1));
  // One after the other, so that the last one is far from its end when the drain begins.
  std::shared_ptr<CollectingSink> last;
  for (int i = 0; i < 20; ++i) {
    last = std::make_shared<CollectingSink>();
    CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(i, 100), last));
  }
  engine->Drain(clock_->Now());
  EXPECT_EQ(last->Wait().code(), absl::StatusCode::kUnavailable);
  ExpectIdle(*engine);
}

}  // namespace
}  // namespace chimera::testing
