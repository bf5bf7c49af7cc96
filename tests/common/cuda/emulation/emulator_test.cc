#include "common/cuda/emulation/emulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "common/cuda/device/primitives.h"
#include "tests/testing/status_matchers.h"

namespace chimera::emulation {
namespace {

using ::chimera::testing::IsOk;
using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int kThreads = 96;
constexpr int kSeeds = 10;
constexpr LaunchShape kOneBlock = {{1, 1, 1}, kThreads * sizeof(float)};

Emulator MakeEmulator(uint64_t seed) { return Emulator({.seed = seed}); }

TEST(EmulatorTest, EveryThreadOfEveryBlockRunsOnce) {
  Emulator emulator = MakeEmulator(1);
  const LaunchShape shape = {{3, 4, 5}, 0};
  std::vector<int> runs(60 * kThreads);
  ASSERT_THAT(emulator.Run(shape, kThreads,
                           [&] {
                             EXPECT_EQ(device::GridX(), 3);
                             EXPECT_EQ(device::GridY(), 4);
                             EXPECT_EQ(device::GridZ(), 5);
                             const int block =
                                 device::BlockX() + 3 * device::BlockY() + 12 * device::BlockZ();
                             const int thread = 32 * device::WarpIndex() + device::LaneIndex();
                             EXPECT_EQ(thread, device::ThreadIndex());
                             ++runs[block * kThreads + thread];
                           }),
              IsOk());
  EXPECT_EQ(std::ranges::count(runs, 1), std::ssize(runs));
}

// The order in which the threads of a block begin.
std::vector<int> Order(uint64_t seed) {
  Emulator emulator = MakeEmulator(seed);
  std::vector<int> order;
  EXPECT_THAT(emulator.Run(kOneBlock, kThreads, [&] { order.push_back(device::ThreadIndex()); }),
              IsOk());
  return order;
}

TEST(EmulatorTest, OrderFollowsFromTheSeed) {
  EXPECT_EQ(Order(1), Order(1));
  EXPECT_NE(Order(1), Order(2));
}

TEST(EmulatorTest, BlocksRunInRandomOrderToo) {
  Emulator emulator = MakeEmulator(1);
  std::vector<int> order;
  ASSERT_THAT(emulator.Run({{20, 1, 1}, 0}, 32,
                           [&] {
                             if (device::ThreadIndex() == 0) order.push_back(device::BlockX());
                           }),
              IsOk());
  EXPECT_FALSE(std::ranges::is_sorted(order));
}

TEST(EmulatorTest, SharedMemoryIsPoisonedForEveryBlock) {
  Emulator emulator = MakeEmulator(1);
  int poisoned = 0;
  ASSERT_THAT(emulator.Run({{4, 1, 1}, kThreads * sizeof(float)}, kThreads,
                           [&] {
                             auto* shared = device::SharedArray<float>(kThreads);
                             poisoned += std::isnan(shared[device::ThreadIndex()]);
                             shared[device::ThreadIndex()] = 1;
                           }),
              IsOk());
  EXPECT_EQ(poisoned, 4 * kThreads);
}

// Thread t takes what thread t + 1 has written, with a barrier between or without. Returns all.
template <typename Barrier>
std::vector<float> Neighbours(uint64_t seed, const Barrier& barrier) {
  Emulator emulator = MakeEmulator(seed);
  std::vector<float> results(kThreads);
  EXPECT_THAT(emulator.Run(kOneBlock, kThreads,
                           [&] {
                             auto* shared = device::SharedArray<float>(kThreads);
                             const int thread = device::ThreadIndex();
                             shared[thread] = static_cast<float>(thread);
                             barrier();
                             results[thread] = shared[(thread + 1) % kThreads];
                           }),
              IsOk());
  return results;
}

TEST(EmulatorTest, BarriersOrderWritesBeforeReads) {
  std::vector<float> expected(kThreads);
  std::iota(expected.begin(), expected.end(), 1.0f);
  expected.back() = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    EXPECT_EQ(Neighbours(seed, [] { device::SyncThreads(); }), expected);
    EXPECT_EQ(Neighbours(seed, [] { device::SyncNamed(3, kThreads); }), expected);
  }
}

TEST(EmulatorTest, MissingBarriersShow) {
  std::set<std::vector<bool>> patterns;
  for (int seed = 0; seed < kSeeds; ++seed) {
    std::vector<bool> is_poison;
    for (const float value : Neighbours(seed, [] {})) is_poison.push_back(std::isnan(value));
    EXPECT_GT(std::ranges::count(is_poison, true), 0) << seed;
    patterns.insert(is_poison);
  }
  EXPECT_EQ(patterns.size(), kSeeds) << "every order leaves others unwritten";
}

TEST(EmulatorTest, BarriersOfWarpsDoNotOrderWarps) {
  int seeds_that_show_it = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const std::vector<float> results = Neighbours(seed, [] { device::SyncWarp(); });
    for (int thread = 0; thread < kThreads; ++thread) {
      if (thread % 32 != 31) {
        EXPECT_EQ(results[thread], thread + 1);
      }
    }
    seeds_that_show_it += std::ranges::any_of(results, [](float x) { return std::isnan(x); });
  }
  EXPECT_GE(seeds_that_show_it, 3);
}

TEST(EmulatorTest, NamedBarriersConcernThoseWhoNameThem) {
  Emulator emulator = MakeEmulator(1);
  std::vector<float> results(kThreads);
  // Two warps meet at barrier 1; the third is not waited for.
  ASSERT_THAT(emulator.Run(kOneBlock, kThreads,
                           [&] {
                             auto* shared = device::SharedArray<float>(kThreads);
                             const int thread = device::ThreadIndex();
                             if (device::WarpIndex() == 2) return;
                             shared[thread] = static_cast<float>(thread);
                             device::SyncNamed(1, 64);
                             results[thread] = shared[63 - thread];
                           }),
              IsOk());
  for (int thread = 0; thread < 64; ++thread) EXPECT_EQ(results[thread], 63 - thread);
}

TEST(EmulatorTest, RefusesShapesThatDevicesRefuse) {
  Emulator emulator = MakeEmulator(1);
  const auto run = [&](const LaunchShape& shape, int threads) {
    return emulator.Run(shape, threads, [] { FAIL(); });
  };
  const auto refuses = [](const char* text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  EXPECT_THAT(run({{0, 1, 1}, 0}, 32), refuses("blocks (0, 1, 1)"));
  EXPECT_THAT(run({{1, 65536, 1}, 0}, 32), refuses("blocks (1, 65536, 1)"));
  EXPECT_THAT(run({{1, 1, 1}, kMaxSharedBytes + 1}, 32), refuses("shared_bytes is 166913"));
  EXPECT_THAT(run({{1, 1, 1}, 0}, 1056), refuses("1056 threads per block"));
}

}  // namespace
}  // namespace chimera::emulation
