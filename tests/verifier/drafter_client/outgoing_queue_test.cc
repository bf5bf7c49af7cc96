#include "verifier/drafter_client/outgoing_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace chimera {
namespace {

using ::testing::ElementsAre;

v1::DraftRequest Step(int64_t number) {
  v1::DraftRequest request;
  request.mutable_step()->set_step(number);
  return request;
}

TEST(OutgoingQueueTest, KeepsTheOrderAndKnowsItsSize) {
  OutgoingQueue queue;
  const std::vector<int64_t> ids = {4, 5};
  queue.Push(Step(1));
  EXPECT_TRUE(queue.PushClose(ids));
  queue.Push(Step(1 << 20));
  EXPECT_EQ(queue.Pop().step().step(), 1);
  EXPECT_THAT(queue.Pop().close().sequence_ids(), ElementsAre(4, 5));
  EXPECT_EQ(queue.bytes(), Step(1 << 20).ByteSizeLong());
  EXPECT_EQ(queue.Pop().step().step(), 1 << 20);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(OutgoingQueueTest, MergesClosesThatWait) {
  OutgoingQueue queue;
  for (int64_t id = 1; id <= 3; ++id) EXPECT_TRUE(queue.PushClose({&id, 1}));
  queue.Push(Step(1));
  const int64_t last = 4;
  EXPECT_TRUE(queue.PushClose({&last, 1}));
  const v1::DraftRequest merged = queue.Pop();
  EXPECT_THAT(merged.close().sequence_ids(), ElementsAre(1, 2, 3));
  queue.Pop();
  EXPECT_THAT(queue.Pop().close().sequence_ids(), ElementsAre(4));
  EXPECT_EQ(queue.bytes(), 0u) << "merged ids are part of the size";
}

TEST(OutgoingQueueTest, RefusesAnEndlessClose) {
  OutgoingQueue queue;
  std::vector<int64_t> ids(OutgoingQueue::kMaxIdsPerClose);
  std::iota(ids.begin(), ids.end(), 1);
  EXPECT_TRUE(queue.PushClose(ids));
  const size_t bytes = queue.bytes();
  EXPECT_FALSE(queue.PushClose({ids.data(), 1}));
  EXPECT_EQ(queue.bytes(), bytes);
  EXPECT_EQ(queue.Pop().close().sequence_ids_size(), OutgoingQueue::kMaxIdsPerClose);
  ids.push_back(0);
  EXPECT_FALSE(queue.PushClose(ids));
  EXPECT_TRUE(queue.empty());
}

TEST(OutgoingQueueTest, ClearForgetsEverything) {
  OutgoingQueue queue;
  queue.Push(Step(1));
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace chimera
