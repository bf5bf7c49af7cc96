#include "common/cuda/emulation/fiber.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace chimera::emulation {
namespace {

TEST(FiberTest, GoesOnWhereItStopped) {
  Fiber fiber;
  std::string trace;
  const std::function<void()> function = [&] {
    std::string local = "b";  // keeps its value while the fiber is suspended
    trace += "a";
    fiber.Suspend();
    trace += local;
    fiber.Suspend();
    trace += "c";
  };
  fiber.Start(&function);
  EXPECT_FALSE(fiber.Resume());
  EXPECT_EQ(trace, "a");
  EXPECT_FALSE(fiber.Resume());
  EXPECT_EQ(trace, "ab");
  EXPECT_TRUE(fiber.Resume());
  EXPECT_EQ(trace, "abc");
}

TEST(FiberTest, RunsOneFunctionAfterAnother) {
  Fiber fiber;
  int sum = 0;
  for (int i = 1; i <= 10; ++i) {
    const std::function<void()> function = [&] { sum += i; };
    fiber.Start(&function);
    EXPECT_TRUE(fiber.Resume());
  }
  EXPECT_EQ(sum, 55);
}

TEST(FiberTest, FibersDoNotDisturbEachOther) {
  std::array<Fiber, 3> fibers;
  std::array<std::function<void()>, 3> functions;
  std::array<int, 3> results = {};
  for (int i = 0; i < 3; ++i) {
    functions[i] = [&, i] {
      std::array<int, 100> own;
      for (int round = 0; round < 100; ++round) {
        own[round] = round * (i + 1);
        fibers[i].Suspend();
      }
      for (const int value : own) results[i] += value;
    };
    fibers[i].Start(&functions[i]);
  }
  for (int round = 0; round < 100; ++round) {
    for (Fiber& fiber : fibers) EXPECT_FALSE(fiber.Resume());
  }
  for (Fiber& fiber : fibers) EXPECT_TRUE(fiber.Resume());
  EXPECT_EQ(results, (std::array{4950, 9900, 14850}));
}

TEST(FiberTest, MayNeverRun) { const Fiber fiber; }

TEST(FiberDeathTest, MustNotBeDestroyedHalfway) {
  const auto suspend_for_ever = [] {
    Fiber fiber;
    const std::function<void()> function = [&] { fiber.Suspend(); };
    fiber.Start(&function);
    fiber.Resume();
  };
  EXPECT_DEATH(suspend_for_ever(), "while its function is suspended");
}

}  // namespace
}  // namespace chimera::emulation
