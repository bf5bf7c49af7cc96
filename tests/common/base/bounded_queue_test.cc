#include "common/base/bounded_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace chimera {
namespace {

using ::std::chrono::steady_clock;
using ::testing::Optional;

// A deadline that no passing test reaches.
steady_clock::time_point Never() { return steady_clock::now() + std::chrono::minutes(10); }

TEST(BoundedQueueTest, FirstInFirstOut) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_THAT(queue.TryPop(), Optional(1));
  EXPECT_THAT(queue.Pop(Never()), Optional(2));
  EXPECT_EQ(queue.TryPop(), std::nullopt);
}

TEST(BoundedQueueTest, TurnsAwayWhenFullAndLeavesTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(**queue.TryPop(), 1);
  EXPECT_TRUE(queue.TryPush(std::move(second)));
}

TEST(BoundedQueueTest, PopReturnsAtItsDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.Pop(steady_clock::now()), std::nullopt);
  const steady_clock::time_point deadline = steady_clock::now() + std::chrono::milliseconds(5);
  EXPECT_EQ(queue.Pop(deadline), std::nullopt);
  EXPECT_GE(steady_clock::now(), deadline);
}

TEST(BoundedQueueTest, ItemsCanBePoppedAfterTheDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_THAT(queue.Pop(steady_clock::now() - std::chrono::seconds(1)), Optional(1));
}

TEST(BoundedQueueTest, CloseTurnsAwayAndDrains) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_FALSE(queue.closed());
  queue.Close();
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_THAT(queue.Pop(Never()), Optional(1));
  EXPECT_EQ(queue.Pop(Never()), std::nullopt);
}

TEST(BoundedQueueTest, CloseWakesEveryWaitingPop) {
  BoundedQueue<int> queue(1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&queue] { EXPECT_EQ(queue.Pop(Never()), std::nullopt); });
  }
  queue.Close();
  for (std::thread& thread : threads) thread.join();
}

TEST(BoundedQueueTest, ManyThreadsLoseAndDoubleNothing) {
  constexpr int kProducers = 3;
  constexpr int kConsumers = 2;
  constexpr int kItems = 2000;
  BoundedQueue<int> queue(4);
  std::vector<std::thread> producers, consumers;
  std::vector<std::vector<int>> popped(kConsumers);
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = 0; i < kItems; ++i) {
        while (!queue.TryPush(p * kItems + i)) std::this_thread::yield();
      }
    });
  }
  for (int c = 0; c < kConsumers; ++c) {
    consumers.emplace_back([&queue, &mine = popped[c]] {
      while (const std::optional<int> item = queue.Pop(Never())) mine.push_back(*item);
    });
  }
  for (std::thread& thread : producers) thread.join();
  queue.Close();
  for (std::thread& thread : consumers) thread.join();

  std::vector<int> seen(kProducers * kItems, 0);
  for (const std::vector<int>& mine : popped) {
    std::vector<int> last(kProducers, -1);
    for (const int item : mine) {
      ++seen[item];
      EXPECT_GT(item, last[item / kItems]) << "out of order";
      last[item / kItems] = item;
    }
  }
  EXPECT_THAT(seen, ::testing::Each(1));
}

}  // namespace
}  // namespace chimera
