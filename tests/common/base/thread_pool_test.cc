#include "common/base/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;

class ThreadPoolTest : public ::testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, EveryElementIsVisitedOnce) {
  ThreadPool pool(GetParam());
  for (const int64_t count : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<int> visits(count, 0);
    pool.ParallelFor(count, [&](int64_t begin, int64_t end, int thread) {
      EXPECT_GE(thread, 0);
      EXPECT_LT(thread, pool.thread_count());
      for (int64_t i = begin; i < end; ++i) ++visits[i];
    });
    EXPECT_THAT(visits, Each(1)) << count;
  }
}

TEST(ThreadPoolGrainTest, FewElementsAreLeftToTheCaller) {
  ThreadPool pool(4);
  for (const int64_t count : {1, 3, 4}) {
    int calls = 0;
    pool.ParallelFor(
        count,
        [&](int64_t begin, int64_t end, int thread) {
          ++calls;
          EXPECT_EQ(begin, 0);
          EXPECT_EQ(end, count);
          EXPECT_EQ(thread, 0);
        },
        4);
    EXPECT_EQ(calls, 1);
  }
  std::atomic<int> calls = 0;
  pool.ParallelFor(
      5, [&](int64_t, int64_t, int) { ++calls; }, 4);
  EXPECT_EQ(calls, 4);
}

// Each loop reads what other threads wrote in the one before, without atomics.
TEST_P(ThreadPoolTest, LoopsSeeWhatEarlierLoopsWrote) {
  ThreadPool pool(GetParam());
  constexpr int kCount = 97;
  std::vector<int> values(kCount, 0), next(kCount, 0);
  for (int round = 0; round < 2000; ++round) {
    pool.ParallelFor(kCount, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) next[i] = values[kCount - 1 - i] + 1;
    });
    values.swap(next);
  }
  EXPECT_THAT(values, Each(2000));
}

TEST_P(ThreadPoolTest, ParkedWorkersWakeUp) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // far beyond the spin time
    std::atomic<int> sum = 0;
    pool.ParallelFor(
        10, [&](int64_t begin, int64_t end, int) { sum += static_cast<int>(end - begin); });
    EXPECT_EQ(sum, 10);
  }
}

TEST_P(ThreadPoolTest, CallerWaitsForSlowWorkers) {
  ThreadPool pool(GetParam());
  std::vector<int> done(pool.thread_count(), 0);
  pool.ParallelFor(pool.thread_count(), [&](int64_t, int64_t, int thread) {
    if (thread > 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    done[thread] = 1;
  });
  EXPECT_THAT(done, Each(1));
}

INSTANTIATE_TEST_SUITE_P(ThreadCounts, ThreadPoolTest, ::testing::Values(1, 2, 3, 8));

TEST(ThreadPoolPartitionTest, RangesAreStaticAndInOrder) {
  ThreadPool pool(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<int64_t> begins(3, -1), ends(3, -1);
    pool.ParallelFor(10, [&](int64_t begin, int64_t end, int thread) {
      begins[thread] = begin;
      ends[thread] = end;
    });
    EXPECT_THAT(begins, ElementsAre(0, 3, 6));
    EXPECT_THAT(ends, ElementsAre(3, 6, 10));
  }
}

TEST(ThreadPoolSharingTest, LoopsOfOthersRunOnTheirCallersWhileTheWorkersAreBusy) {
  ThreadPool pool(2);
  std::vector<int64_t> ranges;
  pool.ParallelFor(2, [&](int64_t, int64_t, int thread) {
    if (thread != 0) return;
    std::thread([&] {
      pool.ParallelFor(7, [&](int64_t begin, int64_t end, int caller) {
        ranges = {begin, end, caller};
      });
    }).join();
  });
  EXPECT_THAT(ranges, ElementsAre(0, 7, 0));
}

TEST(ThreadPoolSharingTest, ManyThreadsStartLoopsAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  constexpr int64_t kCount = 5;
  ThreadPool pool(3);
  std::vector<int64_t> sums(kThreads, 0);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&pool, &sum = sums[i]] {
      std::vector<int64_t> values(kCount, 0);
      for (int round = 0; round < kRounds; ++round) {
        pool.ParallelFor(kCount, [&](int64_t begin, int64_t end, int) {
          for (int64_t j = begin; j < end; ++j) values[j] += j;
        });
      }
      for (const int64_t value : values) sum += value;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(sums, Each(kRounds * kCount * (kCount - 1) / 2));
}

TEST(ThreadPoolCreateTest, RefusesNumbersOutOfRange) {
  for (const int count : {-1, 0, ThreadPool::kMaxThreads + 1}) {
    EXPECT_THAT(ThreadPool::Create(count),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("thread_count ", count, ", must be in [1, 256]"))));
  }
  const auto pool = ThreadPool::Create(3);
  CHIMERA_ASSERT_OK(pool);
  EXPECT_EQ((*pool)->thread_count(), 3);
}

TEST(ThreadPoolIdleTest, IdlePoolUsesNoProcessorTime) {
  ThreadPool pool(4);
  pool.ParallelFor(4, [](int64_t, int64_t, int) {});
  const auto processor_seconds = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // lets the spinning end
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(processor_seconds() - before, 0.002);  // 1 % of a core
}

}  // namespace
}  // namespace chimera
