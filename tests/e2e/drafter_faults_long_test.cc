// Faults of drafters and links, often: 100 kills and 10 pauses under 16 streams of the default
// model, a link that is 0.2 s and 1 s late, 10^6 hostile drafts, 100 random orders of starting and
// ending the services. Prints what recovery took. Failpoints have a test of their own,
// failpoint_test.cc, which needs a build with them.

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <random>
#include <string>

#include "common/model/default_model_path.h"
#include "tests/e2e/drafter_faults.h"
#include "tests/e2e/service_order.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// From the moment that the new drafter listens; a connect attempt may be a back-off of 1 s away.
constexpr seconds kLongestRecovery(2);

class DrafterFaultsLongTest : public DrafterFaults {
 protected:
  void UseDefaultModel() { MakeGolden({.model_path = DefaultModelPath(), .streams = 16}); }
};

TEST_F(DrafterFaultsLongTest, KilledAHundredTimes) {
  UseDefaultModel();
  EXPECT_LT(KillDrafter(100), kLongestRecovery);
}

TEST_F(DrafterFaultsLongTest, StandsStillForFiveSecondsTenTimes) {
  UseDefaultModel();
  EXPECT_LT(PauseDrafter(10, seconds(5)), kLongestRecovery);
}

TEST_F(DrafterFaultsLongTest, FarAway) {
  UseDefaultModel();
  for (const milliseconds delay : {milliseconds(200), milliseconds(1000)}) {
    // A draft that comes late costs one deadline, 50 ms, in the time of a round trip, 400 ms.
    EXPECT_LT(DelayLink(delay), 1.5);
  }
}

TEST_F(DrafterFaultsLongTest, AMillionHostileDrafts) {
  const std::string path = directory_.path() + "/tiny.gguf";
  WriteTinyLlama(path, {});
  MakeGolden({.model_path = path, .streams = 32});
  EXPECT_LT(SendHostileDrafts(1'000'000), int64_t{16} << 20);
}

class ServiceOrderLongTest : public ServiceOrder {};

TEST_F(ServiceOrderLongTest, AHundredRandomOrders) {
  std::mt19937 random(1);
  for (int order = 0; order < 100; ++order) {
    std::string events;
    for (int left = 12; left > 0;) {
      const auto event = static_cast<ServiceEvent>(random() % kServiceEventCount);
      if (!IsPossible(event)) continue;
      events += std::string(events.empty() ? "" : ", ") + Name(event);
      SCOPED_TRACE(events);
      Play(event);
      --left;
    }
    PlayEnd();
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace chimera::testing
