// That cp.async has no effect before it is waited for, and none for others before a barrier.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/cuda/device/primitives.h"
#include "common/cuda/emulation/emulator.h"
#include "tests/testing/status_matchers.h"

namespace chimera::device {
namespace {

constexpr int kThreads = 64;

// Each thread copies 16 bytes, its number in each float, to its place in shared memory, and does
// `wait`; result[t] is what thread t then finds at its place or, if `reads_other`, at another's.
template <typename Wait>
std::array<float, kThreads> Copy(uint64_t seed, bool reads_other, const Wait& wait) {
  alignas(16) std::array<float, kThreads * 4> source;
  for (int thread = 0; thread < kThreads; ++thread) {
    std::fill_n(source.begin() + thread * 4, 4, static_cast<float>(thread));
  }
  std::array<float, kThreads> result;
  emulation::Emulator emulator({.seed = seed});
  CHIMERA_EXPECT_OK(emulator.Run({{1, 1, 1}, sizeof(source)}, kThreads, [&] {
    auto* shared = SharedArray<float>(kThreads * 4);
    const int thread = ThreadIndex();
    shared[thread * 4] = -1;
    CopyAsync(shared + thread * 4, source.data() + thread * 4);
    CommitAsyncCopies();
    wait();
    result[thread] = shared[(reads_other ? kThreads - 1 - thread : thread) * 4];
  }));
  return result;
}

bool AreAllNan(const std::array<float, kThreads>& values) {
  return std::ranges::all_of(values, [](float x) { return std::isnan(x); });
}

bool IsAnyNan(const std::array<float, kThreads>& values) {
  return std::ranges::any_of(values, [](float x) { return std::isnan(x); });
}

TEST(AsyncCopiesTest, ArriveWhenWaitedFor) {
  const auto values = Copy(1, false, [] { WaitForAsyncCopies<0>(); });
  for (int i = 0; i < kThreads; ++i) EXPECT_EQ(values[i], i);
}

TEST(AsyncCopiesTest, DoNotArriveBefore) {
  EXPECT_TRUE(AreAllNan(Copy(1, false, [] {}))) << "nor is the old content there";
  EXPECT_TRUE(AreAllNan(Copy(1, false, [] { SyncThreads(); }))) << "a barrier does not wait";
  EXPECT_TRUE(AreAllNan(Copy(1, false, [] { WaitForAsyncCopies<1>(); }))) << "one may be pending";
}

TEST(AsyncCopiesTest, GroupsArriveInOrder) {
  const auto values = Copy(1, false, [] {
    CommitAsyncCopies();  // an empty group, which may be pending
    WaitForAsyncCopies<1>();
  });
  EXPECT_FALSE(IsAnyNan(values));
}

TEST(AsyncCopiesTest, OthersNeedABarrier) {
  const auto wait = [] { WaitForAsyncCopies<0>(); };
  const auto wait_and_synchronise = [&] {
    wait();
    SyncThreads();
  };
  for (uint64_t seed = 0; seed < 5; ++seed) {
    EXPECT_TRUE(IsAnyNan(Copy(seed, true, wait)));
    const auto values = Copy(seed, true, wait_and_synchronise);
    for (int i = 0; i < kThreads; ++i) EXPECT_EQ(values[i], kThreads - 1 - i);
  }
}

TEST(AsyncCopiesTest, CopiesThatAreNotCommittedAreNotWaitedFor) {
  alignas(16) std::array<float, 4> source = {1, 2, 3, 4};
  emulation::Emulator emulator({.seed = 1});
  CHIMERA_EXPECT_OK(emulator.Run({{1, 1, 1}, sizeof(source)}, 32, [&] {
    if (ThreadIndex() != 0) return;
    auto* shared = SharedArray<float>(4);
    CopyAsync(shared, source.data());
    WaitForAsyncCopies<0>();
    EXPECT_TRUE(std::isnan(shared[0]));
    CommitAsyncCopies();
    WaitForAsyncCopies<0>();
    EXPECT_EQ(shared[3], 4);
    CopyAsyncOrZero(shared, nullptr, false);
    CommitAsyncCopies();
    WaitForAsyncCopies<0>();
    EXPECT_EQ(shared[3], 0);
  }));
}

TEST(AsyncCopiesDeathTest, AddressesThatHardwareRefuses) {
  alignas(16) static std::array<float, 8> source = {};
  const auto copy = [](int shared_offset, int source_offset) {
    emulation::Emulator emulator({.seed = 1});
    CHIMERA_EXPECT_OK(emulator.Run({{1, 1, 1}, 32}, 32, [&] {
      CopyAsync(SharedArray<float>(8) + shared_offset, source.data() + source_offset);
    }));
  };
  copy(4, 4);
  EXPECT_DEATH(copy(0, 1), "accesses 16 bytes");
  EXPECT_DEATH(copy(2, 0), "accesses 16 bytes");
  EXPECT_DEATH(copy(8, 0), "not in shared memory");
}

}  // namespace
}  // namespace chimera::device
