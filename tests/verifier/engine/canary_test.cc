// The canary notices a backend that does not keep its promise, and stays out of users' way.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

class CanaryTest : public EngineFixture {
 protected:
  std::unique_ptr<Engine> MakeEngineWithCanary(double fraction, int32_t max_running = kSlots) {
    EngineConfig config = MakeConfig(64, max_running);
    config.canary_fraction = fraction;
    return MakeEngine({}, config);
  }

  void Decode(Engine* engine, int count, int32_t max_tokens) {
    for (int i = 0; i < count; ++i) {
      const auto sink = std::make_shared<CollectingSink>();
      CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(i, max_tokens), sink));
      CHIMERA_EXPECT_OK(sink->Wait());
    }
  }

  bool HasChecked(double count) {
    return Eventually(
        [&] { return metrics_.canary.replays.Value() + metrics_.canary.skipped.Value() >= count; });
  }
};

TEST_F(CanaryTest, RepliesOfAGoodBackendMatch) {
  const std::unique_ptr<Engine> engine = MakeEngineWithCanary(1);
  Decode(engine.get(), 10, 30);
  EXPECT_TRUE(HasChecked(10));
  EXPECT_GT(metrics_.canary.replays.Value(), 0);
  EXPECT_EQ(metrics_.canary.mismatches.Value(), 0);
  // Users' metrics know nothing of it.
  EXPECT_EQ(metrics_.requests.success[FinishedReason::kLength].Value(), 10);
  EXPECT_EQ(metrics_.requests.generation_tokens.Value(), 300);
  EXPECT_EQ(metrics_.requests.running.Value(), 0);
}

TEST_F(CanaryTest, ChecksTheShareItWasTold) {
  const std::unique_ptr<Engine> engine = MakeEngineWithCanary(0.25);
  Decode(engine.get(), 200, 1);
  EXPECT_TRUE(Eventually([&] { return metrics_.canary.replays.Value() >= 30; }));
  EXPECT_LE(metrics_.canary.replays.Value() + metrics_.canary.skipped.Value(), 70);
}

TEST_F(CanaryTest, ChecksNothingUnlessTold) {
  const std::unique_ptr<Engine> engine = MakeEngineWithCanary(0);
  Decode(engine.get(), 20, 1);
  EXPECT_EQ(metrics_.canary.replays.Value() + metrics_.canary.skipped.Value(), 0);
}

TEST_F(CanaryTest, GivesItsSlotToAUser) {
  const std::unique_ptr<Engine> engine = MakeEngineWithCanary(1, /*max_running=*/1);
  // The canary of this one would take 200 steps.
  Decode(engine.get(), 1, 160);
  for (int i = 0; i < 5; ++i) {
    const auto sink = std::make_shared<CollectingSink>();
    GenerationRequest request = MakeLongRequest(1 + i, 3);
    CHIMERA_ASSERT_OK(engine->Submit(std::move(request), sink));
    CHIMERA_EXPECT_OK(sink->Wait());
  }
  EXPECT_TRUE(HasChecked(6));
  EXPECT_EQ(metrics_.canary.mismatches.Value(), 0);
  EXPECT_EQ(metrics_.kv_cache.preemptions.Value(), 0);
}

}  // namespace
}  // namespace chimera::testing
