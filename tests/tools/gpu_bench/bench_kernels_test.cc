#include "tools/gpu_bench/bench_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "common/cuda/emulation/emulator.h"
#include "tests/testing/status_matchers.h"
#include "tools/gpu_bench/device_operands.h"

namespace chimera {
namespace {

// Words read twice or not at all would leave the exclusive or.
TEST(BenchKernelsTest, ReadsAllOnce) {
  std::mt19937 random(1);
  for (const int units : {1, 2, 5}) {
    std::vector<uint32_t> source(units * kReadUnitBytes / sizeof(uint32_t));
    uint32_t expected = 0;
    for (uint32_t& word : source) expected ^= word = random();
    for (const int blocks : {1, 3, 7}) {
      std::vector<uint32_t> checksums(blocks * kReadThreads, 0xffffffffu);
      emulation::Emulator emulator({.seed = 1});
      CHIMERA_ASSERT_OK(LaunchRead(
          StreamView(emulator), {blocks, units * kReadUnitBytes, source.data(), checksums.data()},
          blocks == 3 ? LaunchOrder::kOverlapsPriorLaunch : LaunchOrder::kAfterPriorLaunch));
      uint32_t sum = 0;
      for (const uint32_t checksum : checksums) sum ^= checksum;
      EXPECT_EQ(sum, expected) << units << " units, " << blocks << " blocks";
    }
  }
}

TEST(BenchKernelsTest, NothingIsDone) {
  emulation::Emulator emulator({.seed = 1});
  CHIMERA_EXPECT_OK(LaunchNothing(StreamView(emulator)));
  CHIMERA_EXPECT_OK(LaunchNothing(StreamView(emulator), LaunchOrder::kOverlapsPriorLaunch));
}

TEST(ColdLaunchesTest, OperandsExceedTheCache) {
  cuda::DeviceInfo device;
  device.l2_cache_bytes = 50 << 20;
  const auto expect = [&](int64_t bytes, int most, int operands, int launches) {
    const ColdLaunches cold = PlanColdLaunches(bytes, device, most);
    EXPECT_EQ(cold.operands, operands) << bytes;
    EXPECT_EQ(cold.launches, launches) << bytes;
  };
  expect(180 << 20, 128, 2, 16);
  expect(int64_t{1} << 30, 128, 2, 16);
  expect(10 << 20, 128, 21, 21);
  expect(1 << 20, 128, 128, 128);
  expect(1 << 20, 3, 3, 3);
  expect(180 << 20, 1, 1, 1);
}

}  // namespace
}  // namespace chimera
