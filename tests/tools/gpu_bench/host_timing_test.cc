#include "tools/gpu_bench/host_timing.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::FakeClock;
using ::chimera::testing::StatusIs;

// The first runs are slower; preparations take longest of all.
TEST(HostTimingTest, TimesTheWorkOnceItIsWarm) {
  FakeClock clock;
  int runs = 0;
  int preparations = 0;
  const auto work = [&] {
    clock.Advance(std::chrono::seconds(++runs <= 2 ? 100 : runs));
    return absl::OkStatus();
  };
  const auto prepare = [&] {
    ++preparations;
    clock.Advance(std::chrono::seconds(1000));
    return absl::OkStatus();
  };
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TimeSpread seconds, TimeOnHost(clock, 5, work, prepare));
  EXPECT_EQ(runs, 7);
  EXPECT_EQ(preparations, 7);
  EXPECT_EQ(seconds.median, 5);
  EXPECT_EQ(seconds.lower_quartile, 4);
}

TEST(HostTimingTest, ReturnsTheFirstError) {
  const FakeClock clock;
  EXPECT_THAT(TimeOnHost(clock, 1, [] { return absl::InternalError("lost"); }),
              StatusIs(absl::StatusCode::kInternal, "lost"));
}

}  // namespace
}  // namespace chimera
