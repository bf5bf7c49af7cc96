// Where pages run out the youngest request waits and goes on later, and answers the same.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::Gt;

class PreemptionTest : public EngineFixture {
 protected:
  // Decodes `count` requests together over so few pages that some must give theirs up.
  void ExpectEqualReplies(const SamplingParams& sampling, int count, int32_t page_count) {
    std::vector<GenerationRequest> requests;
    std::vector<Reply> golden;
    for (int i = 0; i < count; ++i) {
      requests.push_back(MakeLongRequest(i, 70));
      const uint64_t seed = requests.back().sampling.seed;
      requests.back().sampling = sampling;
      requests.back().sampling.seed = seed;
      golden.push_back(Plain(requests.back()));
    }
    MakeBackend(page_count);
    const std::unique_ptr<Engine> engine = MakeEngine({}, MakeConfig(/*prefill_chunk=*/24));
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (const GenerationRequest& request : requests) {
      sinks.push_back(std::make_shared<CollectingSink>());
      CHIMERA_ASSERT_OK(engine->Submit(request, sinks.back()));
    }
    for (int i = 0; i < count; ++i) {
      CHIMERA_EXPECT_OK(sinks[i]->Wait());
      EXPECT_EQ(MakeReply(*sinks[i]), golden[i]) << "request " << i;
    }
    EXPECT_TRUE(Eventually([&] { return engine->load().running_requests == 0; }));
    EXPECT_EQ(engine->load().free_pages, page_count);
  }

  double preemptions() const { return metrics_.kv_cache.preemptions.Value(); }
};

TEST_F(PreemptionTest, RepliesAreEqualGreedy) {
  ExpectEqualReplies({}, 12, 26);
  EXPECT_THAT(preemptions(), Gt(0));
}

TEST_F(PreemptionTest, RepliesAreEqualSampled) {
  ExpectEqualReplies({.temperature = 1.0f}, 12, 26);
  EXPECT_THAT(preemptions(), Gt(0));
}

TEST_F(PreemptionTest, WithHardlyMorePagesThanOneRequestNeeds) {
  ExpectEqualReplies({.temperature = 0.8f}, 10, 11);
}

TEST_F(PreemptionTest, RequestsAsLargeAsThePoolComeToAnEnd) {
  std::vector<GenerationRequest> requests;
  std::vector<Reply> golden;
  for (int i = 0; i < 4; ++i) {
    requests.push_back(MakeLongRequest(i, 1));
    const int32_t prompt = i % 2 == 0 ? 150 : 10;
    requests.back().prompt.assign(prompt, kTinyFirstByteToken + i);
    requests.back().stop.max_tokens = 160 - prompt;
    golden.push_back(Plain(requests.back()));
  }
  MakeBackend(/*page_count=*/10);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  ASSERT_EQ(engine->context_limit(), 160);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (const GenerationRequest& request : requests) {
    sinks.push_back(std::make_shared<CollectingSink>());
    CHIMERA_ASSERT_OK(engine->Submit(request, sinks.back()));
  }
  for (int i = 0; i < 4; ++i) {
    CHIMERA_EXPECT_OK(sinks[i]->Wait());
    EXPECT_EQ(MakeReply(*sinks[i]), golden[i]) << "request " << i;
  }
}

TEST_F(PreemptionTest, ALargeRequestIsNotOvertakenForEver) {
  MakeBackend(/*page_count=*/12);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  std::atomic<int> ended_small = 0;
  std::atomic<int> ended_before_large = -1;
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  const auto submit = [&](GenerationRequest request, std::function<void()> on_tokens) {
    sinks.push_back(std::make_shared<CollectingSink>(std::move(on_tokens)));
    CHIMERA_ASSERT_OK(engine->Submit(std::move(request), sinks.back()));
  };
  const auto submit_small = [&](int i) {
    GenerationRequest small = MakeLongRequest(i, 1);
    small.prompt.assign(40, kTinyFirstByteToken + i);
    submit(std::move(small), [&] { ++ended_small; });
  };
  for (int i = 0; i < 4; ++i) submit_small(i);
  GenerationRequest large = MakeLongRequest(4, 1);
  large.prompt.assign(180, kTinyFirstByteToken);
  submit(std::move(large), [&] { ended_before_large = ended_small.load(); });
  for (int i = 5; i < 40; ++i) submit_small(i);
  for (const auto& sink : sinks) CHIMERA_EXPECT_OK(sink->Wait());
  EXPECT_EQ(ended_before_large, 4);
}

TEST_F(PreemptionTest, AnInterruptedRequestCanBeCancelled) {
  MakeBackend(/*page_count=*/11);
  const std::unique_ptr<Engine> engine = MakeEngine({});
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (int i = 0; i < 4; ++i) {
    sinks.push_back(std::make_shared<CollectingSink>());
    GenerationRequest request = MakeLongRequest(i, 130);
    request.prompt.assign(17, kTinyFirstByteToken + i);
    CHIMERA_ASSERT_OK(engine->Submit(std::move(request), sinks.back()));
  }
  ASSERT_TRUE(Eventually([&] { return preemptions() > 0; }));
  for (int i = 1; i < 4; ++i) {
    engine->Cancel("request-" + std::to_string(i)).IgnoreError();
    sinks[i]->Wait().IgnoreError();
  }
  CHIMERA_EXPECT_OK(sinks[0]->Wait());
  EXPECT_TRUE(Eventually([&] { return engine->load().free_pages == 11; }));
}

}  // namespace
}  // namespace chimera::testing
