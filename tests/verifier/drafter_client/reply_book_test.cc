#include "verifier/drafter_client/reply_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

// Drafts that `step` can be recognised by.
std::vector<Draft> Drafts(int64_t step, size_t count = 1) {
  return std::vector<Draft>(count, Draft{.sequence_id = step});
}

void Answer(ReplyBook* book, int64_t wire_step, std::vector<Draft> drafts) {
  CHIMERA_ASSERT_OK(book->CheckReply(wire_step, drafts.size()));
  book->AddReply(std::move(drafts));
}

TEST(ReplyBookTest, HandsOutTheReplyToAStep) {
  ReplyBook book;
  const int64_t step = book.AddStep(1, {});
  EXPECT_TRUE(book.Awaits(step));
  Answer(&book, 1, Drafts(11));
  EXPECT_FALSE(book.Awaits(step));
  EXPECT_EQ(book.Take(step).value()[0].sequence_id, 11);
  EXPECT_FALSE(book.Take(step).has_value());
  EXPECT_EQ(book.dropped_drafts(), 0);
}

TEST(ReplyBookTest, KnowsWhenTheOldestUnansweredStepWasSent) {
  ReplyBook book;
  const ReplyBook::TimePoint start{};
  book.AddStep(1, start + std::chrono::seconds(1));
  book.AddStep(0, start + std::chrono::seconds(2));
  EXPECT_EQ(book.oldest_sent(), start + std::chrono::seconds(1));
  Answer(&book, 1, Drafts(11));
  EXPECT_EQ(book.oldest_sent(), start + std::chrono::seconds(2));
}

TEST(ReplyBookTest, KeepsRepliesToLaterSteps) {
  ReplyBook book;
  const int64_t first = book.AddStep(1, {});
  const int64_t second = book.AddStep(1, {});
  Answer(&book, 1, Drafts(11));
  Answer(&book, 2, Drafts(22));
  EXPECT_EQ(book.Take(first).value()[0].sequence_id, 11);
  EXPECT_EQ(book.Take(second).value()[0].sequence_id, 22);
}

TEST(ReplyBookTest, DropsRepliesToEarlierSteps) {
  ReplyBook book;
  book.AddStep(2, {});
  const int64_t second = book.AddStep(1, {});
  Answer(&book, 1, Drafts(11, 2));
  Answer(&book, 2, Drafts(22));
  EXPECT_EQ(book.Take(second).value()[0].sequence_id, 22);
  EXPECT_EQ(book.dropped_drafts(), 2);
}

TEST(ReplyBookTest, DropsAReplyThatComesAfterItWasGivenUp) {
  ReplyBook book;
  const int64_t step = book.AddStep(1, {});
  EXPECT_FALSE(book.Take(step).has_value());
  Answer(&book, 1, Drafts(11));
  EXPECT_FALSE(book.Take(step).has_value());
  EXPECT_EQ(book.dropped_drafts(), 1);
}

TEST(ReplyBookTest, RefusesRepliesToAnythingButTheOldestStep) {
  ReplyBook book;
  book.AddStep(1, {});
  book.AddStep(1, {});
  for (const int64_t wire_step : {-1, 0, 2, 3}) {
    EXPECT_THAT(book.CheckReply(wire_step, 1),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 was to be answered")));
  }
  Answer(&book, 1, Drafts(1));
  Answer(&book, 2, Drafts(1));
  for (const int64_t wire_step : {2, 3}) {
    EXPECT_THAT(book.CheckReply(wire_step, 1),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("none was to be")));
  }
}

TEST(ReplyBookTest, RefusesAnotherNumberOfDraftsThanAskedFor) {
  for (const size_t count : {0, 1, 3}) {
    ReplyBook book;
    book.AddStep(2, {});
    EXPECT_THAT(book.CheckReply(1, count),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("asked for 2")));
  }
}

TEST(ReplyBookTest, ANewSessionForgetsTheOldOneButNumbersOn) {
  ReplyBook book;
  const int64_t old_step = book.AddStep(1, {});
  book.StartSession();
  EXPECT_FALSE(book.Awaits(old_step));
  EXPECT_EQ(book.unanswered(), 0u);

  const int64_t new_step = book.AddStep(1, {});
  EXPECT_GT(new_step, old_step);
  EXPECT_EQ(book.WireStep(new_step), 1);
  Answer(&book, 1, Drafts(11));
  EXPECT_FALSE(book.Take(old_step).has_value());
  EXPECT_TRUE(book.Take(new_step).has_value());
}

TEST(ReplyBookTest, CountsTheDraftsThatASessionTakesWithIt) {
  ReplyBook book;
  book.AddStep(2, {});
  book.AddStep(3, {});
  book.AddStep(4, {});
  Answer(&book, 1, Drafts(1, 2));
  Answer(&book, 2, Drafts(2, 3));
  book.Take(1);
  // A reply that nobody took, and one that never came.
  book.StartSession();
  EXPECT_EQ(book.dropped_drafts(), 3 + 4);
  book.StartSession();
  EXPECT_EQ(book.dropped_drafts(), 3 + 4);
}

TEST(ReplyBookTest, KeepsABoundedNumberOfRepliesThatNobodyTakes) {
  constexpr int kSteps = 1000;
  ReplyBook book;
  for (int step = 1; step <= kSteps; ++step) {
    book.AddStep(1, {});
    Answer(&book, step, Drafts(step));
  }
  EXPECT_GT(book.dropped_drafts(), kSteps - 100);
  EXPECT_TRUE(book.Take(kSteps).has_value());
}

TEST(ReplyBookTest, RepliesWithoutDraftsCountAsAnswersOnly) {
  ReplyBook book;
  const int64_t step = book.AddStep(0, {});
  EXPECT_EQ(book.unanswered(), 1u);
  Answer(&book, 1, {});
  EXPECT_EQ(book.unanswered(), 0u);
  EXPECT_FALSE(book.Awaits(step));
}

}  // namespace
}  // namespace chimera
