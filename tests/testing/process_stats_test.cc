#include "tests/testing/process_stats.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <thread>

#include "tests/testing/child_process.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

constexpr int64_t kMebibyte = 1 << 20;

ProcessStats Own() { return ReadProcessStats(getpid()).value(); }

TEST(ProcessStatsTest, CountsMemory) {
  const ProcessStats before = Own();
  EXPECT_GT(before.resident_bytes, kMebibyte);
  EXPECT_GT(before.resident_file_bytes, 0);
  EXPECT_LT(before.resident_file_bytes, before.resident_bytes);
  constexpr size_t kSize = 64 * kMebibyte;
  void* const memory =
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kSize);
  // Kernels count in batches, so that figures lag behind by a little.
  EXPECT_NEAR(Own().resident_bytes - before.resident_bytes, kSize, 8 * kMebibyte);
  EXPECT_NEAR(Own().resident_file_bytes, before.resident_file_bytes, 8 * kMebibyte);
  munmap(memory, kSize);
  EXPECT_NEAR(Own().resident_bytes, before.resident_bytes, 8 * kMebibyte);
  EXPECT_GT(Own().peak_resident_bytes, before.resident_bytes + 56 * kMebibyte);
}

TEST(ProcessStatsTest, CountsFileDescriptors) {
  const int before = Own().file_descriptors;
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(Own().file_descriptors, before + 1);
  close(fd);
  EXPECT_EQ(Own().file_descriptors, before);
}

TEST(ProcessStatsTest, CountsThreads) {
  // With the first thread ThreadSanitizer starts one of its own.
  std::thread first([] {});
  first.join();
  const int before = Own().threads;
  std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  std::thread thread([&mutex] { const std::lock_guard<std::mutex> wait(mutex); });
  EXPECT_EQ(Own().threads, before + 1);
  lock.unlock();
  thread.join();
  EXPECT_TRUE(Eventually([before] { return Own().threads == before; }));
}

TEST(ProcessStatsTest, CountsCpuTime) {
  const double before = Own().cpu_seconds;
  const std::clock_t start = std::clock();
  while (std::clock() - start < CLOCKS_PER_SEC / 5) {
  }
  EXPECT_NEAR(Own().cpu_seconds - before, 0.2, 0.1);
}

TEST(ProcessStatsTest, KnowsOtherProcesses) {
  ChildProcess child("/bin/sleep", {"1000"});
  EXPECT_TRUE(Eventually([&] { return ReadProcessStats(child.pid()).ok(); }));
  EXPECT_EQ(ReadProcessStats(child.pid()).value().threads, 1);
  const pid_t pid = child.pid();
  child.Kill();
  EXPECT_TRUE(Eventually([pid] { return !ReadProcessStats(pid).ok(); })) << "not even a zombie";
  child.Wait();
  EXPECT_THAT(ReadProcessStats(pid),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr(std::to_string(pid))));
}

}  // namespace
}  // namespace chimera::testing
