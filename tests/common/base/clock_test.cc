#include "common/base/clock.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/testing/fake_clock.h"

namespace chimera {
namespace {

TEST(ClockTest, RealClockFollowsTheSteadyClock) {
  const RealClock clock;
  const auto before = std::chrono::steady_clock::now();
  const auto now = clock.Now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, std::chrono::steady_clock::now());
}

TEST(ClockTest, FakeClockMovesOnlyWhenTold) {
  testing::FakeClock clock;
  const auto start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(std::chrono::milliseconds(20));
  EXPECT_EQ(clock.Now() - start, std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace chimera
