#include "verifier/engine/source_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/testing/fake_clock.h"
#include "tests/verifier/engine/fake_draft_source.h"

namespace chimera::testing {
namespace {

using Outcome = SendResult::Outcome;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SourceTrackerTest : public ::testing::Test {
 protected:
  SourceTrackerTest() : source_(4), tracker_(&source_, DraftOptions(), &clock_) { Connect(); }

  void Connect() {
    source_.Connect({.context_window = 100, .max_sequences = 8, .max_nodes = 8});
    EXPECT_TRUE(tracker_.Refresh());
  }

  // Sends a new sequence, which asks for a tree if `node_budget` is positive.
  Outcome Send(int32_t node_budget, int group = 0) {
    const int32_t token = 5;
    const DraftUpdate update = {.sequence_id = ++sequences_,
                                .epoch = 1,
                                .token_ids = {&token, 1},
                                .sampling = SamplingParams(),
                                .node_budget = node_budget};
    return tracker_.Send({&update, 1}, {}, group);
  }

  FakeClock clock_;
  FakeDraftSource source_;
  SourceTracker tracker_;
  int64_t sequences_ = 0;
};

TEST_F(SourceTrackerTest, NoticesSessions) {
  EXPECT_TRUE(tracker_.ready());
  EXPECT_FALSE(tracker_.Refresh());
  tracker_.sequence_count = 3;
  const int64_t id = tracker_.session()->id;
  source_.Disconnect();
  EXPECT_TRUE(tracker_.Refresh());
  EXPECT_FALSE(tracker_.ready());
  EXPECT_FALSE(tracker_.InSession(id));
  Connect();
  EXPECT_NE(tracker_.session()->id, id);
  EXPECT_EQ(tracker_.sequence_count, 0);
}

TEST_F(SourceTrackerTest, TakesTheDraftsOfAllMessagesOnce) {
  EXPECT_EQ(Send(4), Outcome::kSent);
  EXPECT_EQ(Send(0), Outcome::kSent);
  EXPECT_EQ(Send(4), Outcome::kSent);
  EXPECT_THAT(tracker_.TakeDrafts(0), SizeIs(2));
  EXPECT_THAT(tracker_.TakeDrafts(0), IsEmpty());
  EXPECT_TRUE(tracker_.HasAnsweredAll(0));
}

TEST_F(SourceTrackerTest, EveryGroupTakesItsOwnDrafts) {
  Send(4, 0);
  Send(4, 1);
  EXPECT_THAT(tracker_.TakeDrafts(0), SizeIs(1));
  EXPECT_THAT(tracker_.TakeDrafts(0), IsEmpty());
  Send(4, 0);
  EXPECT_THAT(tracker_.TakeDrafts(1), SizeIs(1));
  EXPECT_THAT(tracker_.TakeDrafts(0), SizeIs(1));
}

TEST_F(SourceTrackerTest, WhatOtherGroupsAwaitIsNoBacklog) {
  source_.answers = false;
  Send(4, 0);
  EXPECT_FALSE(tracker_.HasAnsweredAll(0));
  EXPECT_TRUE(tracker_.HasAnsweredAll(1));
  Send(0, 0);
  EXPECT_FALSE(tracker_.HasAnsweredAll(1)) << "news that nobody awaits";
}

TEST_F(SourceTrackerTest, TellsWhyNothingWasSent) {
  source_.queue_full = true;
  EXPECT_EQ(Send(4), Outcome::kQueueFull);
  source_.Disconnect();
  EXPECT_EQ(Send(4), Outcome::kSessionEnded);
  EXPECT_THAT(tracker_.TakeDrafts(0), IsEmpty());
  EXPECT_TRUE(tracker_.HasAnsweredAll(0));
}

TEST_F(SourceTrackerTest, IsBehindUntilEverythingIsAnswered) {
  source_.answers = false;
  Send(4);
  EXPECT_TRUE(tracker_.ready());
  EXPECT_THAT(tracker_.TakeDrafts(0), IsEmpty());
  EXPECT_FALSE(tracker_.ready());
  clock_.Advance(milliseconds(70));
  tracker_.Refresh();
  EXPECT_EQ(tracker_.BehindFor(), milliseconds(70));
  source_.AnswerAll();
  tracker_.Refresh();
  EXPECT_TRUE(tracker_.ready());
  EXPECT_EQ(tracker_.BehindFor(), milliseconds(0));
  EXPECT_THAT(tracker_.TakeDrafts(0), IsEmpty()) << "a late draft";
}

TEST_F(SourceTrackerTest, StepsThatAskForNothingDoNotPutItBehind) {
  source_.answers = false;
  Send(0);
  EXPECT_THAT(tracker_.TakeDrafts(0), IsEmpty());
  EXPECT_TRUE(tracker_.ready());
  EXPECT_FALSE(tracker_.HasAnsweredAll(0));
}

TEST_F(SourceTrackerTest, ASilentDrafterIsRestarted) {
  source_.answers = false;
  clock_.Advance(std::chrono::hours(1));  // silence counts from the first step that is unanswered
  Send(0);
  clock_.Advance(milliseconds(1999));
  EXPECT_FALSE(tracker_.Refresh());
  clock_.Advance(milliseconds(1));
  EXPECT_TRUE(tracker_.Refresh());
  EXPECT_THAT(source_.restarts, ElementsAre("no answer for 2000 ms"));
  EXPECT_FALSE(tracker_.ready());
  // The next session begins with a clean slate.
  Connect();
  clock_.Advance(std::chrono::hours(1));
  EXPECT_FALSE(tracker_.Refresh());
  EXPECT_TRUE(tracker_.ready());
}

TEST_F(SourceTrackerTest, ASlowDrafterThatMakesProgressIsNotRestarted) {
  source_.answers = false;
  for (int i = 0; i < 10; ++i) {
    Send(0);
    clock_.Advance(milliseconds(1500));
    tracker_.Refresh();
    source_.AnswerAll();
    Send(0);  // so that something is always unanswered
    tracker_.Refresh();
  }
  EXPECT_THAT(source_.restarts, IsEmpty());
}

TEST_F(SourceTrackerTest, ASessionThatEndsLeavesNothingBehind) {
  source_.answers = false;
  Send(4);
  tracker_.TakeDrafts(0);
  EXPECT_FALSE(tracker_.ready());
  source_.Disconnect();
  tracker_.Refresh();
  Connect();
  EXPECT_TRUE(tracker_.ready());
  EXPECT_TRUE(tracker_.HasAnsweredAll(0));
}

}  // namespace
}  // namespace chimera::testing
