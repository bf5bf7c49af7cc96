// What hardware leaves undefined ends the process with a message.

#include <gtest/gtest.h>

#include <functional>

#include "common/cuda/device/primitives.h"
#include "common/cuda/emulation/emulator.h"
#include "tests/testing/status_matchers.h"

namespace chimera::emulation {
namespace {

constexpr int kThreadCount = 96;
constexpr LaunchShape kShape = {{1, 1, 1}, kThreadCount * sizeof(float)};

// Runs a kernel that ends the process.
void RunKernel(const std::function<void()>& thread_body, const LaunchShape& shape = kShape) {
  Emulator emulator({.seed = 1});
  CHIMERA_EXPECT_OK(emulator.Run(shape, kThreadCount, thread_body));
}

TEST(EmulatorDeathTest, BarriersThatSomeThreadsNeverReach) {
  EXPECT_DEATH(RunKernel([] {
                 if (device::ThreadIndex() != 7) device::SyncThreads();
               }),
               "95 of 96 threads, thread 0 the first, wait at barrier 0; 1 threads have ended");
  EXPECT_DEATH(RunKernel([] {
                 if (device::LaneIndex() < 16) device::ShuffleXor(1.0f, 1);
                 device::SyncThreads();
               }),
               "48 of 96 threads.* wait at barrier 0; 16 of 32 threads.* wait at shuffle xor; ");
  EXPECT_DEATH(RunKernel([] { device::SyncNamed(1, device::WarpIndex() == 0 ? 32 : 64); }),
               "(expects 32|expects 64|wait at barrier 1)");
}

TEST(EmulatorDeathTest, LanesAtDifferentOperations) {
  EXPECT_DEATH(RunKernel([] {
                 if (device::LaneIndex() == 5) {
                   device::Ballot(true);
                 } else {
                   device::ShuffleXor(1.0f, 1);
                 }
               }),
               "is at (ballot|shuffle xor), thread [0-9]+ of its warp at (ballot|shuffle xor)");
  EXPECT_DEATH(RunKernel([] {
                 device::FragmentC c = {};
                 if (device::LaneIndex() != 31) device::MultiplyAccumulate(&c, {}, {});
               }),
               "31 of 32 threads.* wait at mma; ")
      << "a lane that does not take part";
}

TEST(EmulatorDeathTest, AddressesThatHardwareRefuses) {
  EXPECT_DEATH(RunKernel([] { device::SharedArray<float>(kThreadCount + 1); }), "uses 388 bytes");
  EXPECT_DEATH(RunKernel([] { device::LoadMatrices4(device::SharedArray<float>(1) + 1); }),
               "at byte 4");
  EXPECT_DEATH(RunKernel([] {
                 alignas(16) float outside[4] = {};
                 device::LoadMatrices4(outside);
               }),
               "not in shared memory");
  EXPECT_DEATH(RunKernel([] { device::LoadWords4(device::SharedArray<float>(8) + 2); }),
               "accesses 16 bytes");
  EXPECT_DEATH(RunKernel([] { device::Shuffle(1.0f, 32); }), "reads lane 32");
}

TEST(EmulatorDeathTest, OverlapWithoutWaiting) {
  LaunchShape shape = kShape;
  shape.order = LaunchOrder::kOverlapsPriorLaunch;
  RunKernel([] { device::WaitForPriorLaunch(); }, shape);
  EXPECT_DEATH(RunKernel(
                   [] {
                     if (device::ThreadIndex() != 3) device::WaitForPriorLaunch();
                   },
                   shape),
               "thread 3 overlaps the prior launch");
}

TEST(EmulatorDeathTest, PrimitivesOutsideKernels) {
  EXPECT_DEATH(device::SyncThreads(), "outside a kernel");
}

}  // namespace
}  // namespace chimera::emulation
