// Messages, their bounds, and what is sent when not everything can be.

#include "verifier/engine/news_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/verifier/engine/draft_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kMiB = 1 << 20;

// 4 KiB of hidden states per position and layer.
class NewsSenderTest : public DraftFixture {
 protected:
  NewsSenderTest() : DraftFixture(2048) {}

  // Forgets the messages of the steps before. Returns their total size.
  size_t TakeBytes() {
    size_t bytes = 0;
    for (const auto& message : first_.messages) bytes += message.bytes;
    first_.messages.clear();
    return bytes;
  }
};

TEST_F(NewsSenderTest, OneMessageHoldsTheNewsOfAllThatDraft) {
  first_.Connect(Session());
  for (int i = 0; i < 8; ++i) AddSequence(10);
  Steps(2);
  first_.messages.clear();
  Step();
  ASSERT_THAT(first_.messages, SizeIs(1));
  EXPECT_EQ(first_.messages[0].updates, 8);
  EXPECT_EQ(first_.messages[0].wishes, 8);
}

TEST_F(NewsSenderTest, ManySequencesTakeSeveralMessages) {
  first_.Connect(Session({1, 2, 3}));
  // A token each is 12 KiB: together more than one message, and less than a step may send.
  for (int i = 0; i < 300; ++i) AddSequence(1);
  Steps(2);
  TakeBytes();
  Step();
  EXPECT_GE(first_.messages.size(), 4u);
  int wishes = 0;
  for (const auto& message : first_.messages) {
    EXPECT_LE(message.bytes, kMiB);
    wishes += message.wishes;
  }
  EXPECT_EQ(wishes, 300);
  for (const auto& sequence : sequences_) ExpectKnown(first_, *sequence);
  const int used = first_.used;
  Step();
  EXPECT_EQ(first_.used, used + 300);
}

TEST_F(NewsSenderTest, OfThousandSequencesAsManyAreServedAsTheLimitsAllow) {
  first_.Connect(Session({1, 2, 3}));
  for (int i = 0; i < 1024; ++i) AddSequence(2);
  for (int step = 0; step < 5; ++step) {
    const int used = first_.used;
    Step(2);
    EXPECT_LE(TakeBytes(), 4 * kMiB);
    if (step < 2) continue;
    EXPECT_GT(first_.used, used + 100) << "24 KiB each";
  }
}

TEST_F(NewsSenderTest, ManyTokensTakeSeveralPieces) {
  LlamaConfig config = TestConfig(hidden_size_);
  config.context_length = 1 << 20;
  const TapUnion taps(1, hidden_size_);
  const DraftPieceMaker pieces(config, DraftOptions(), &taps);
  SourceTracker tracker(&first_, DraftOptions(), &clock_);
  first_.Connect(Session({}, 1 << 20));
  tracker.Refresh();
  Sequence* const sequence = AddSequence(500'000);
  Advance(sequence, 500'000);
  sequence->placement = {.source = 0, .session_id = tracker.session()->id, .pauses = {}};
  NewsSender(&tracker, 0, &pieces).Send({&sequence, 1}, {}, 0);
  EXPECT_THAT(first_.messages, SizeIs(3));
  EXPECT_TRUE(sequence->draft.up_to_date);
  ExpectKnown(first_, *sequence);
}

TEST_F(NewsSenderTest, AReplaySendsABoundedAmountPerStepAndConverges) {
  first_.Connect(Session({1, 2}));
  Sequence* const sequence = AddSequence(2000);
  StepUntilUpToDate(*sequence);
  first_.Connect(Session({1, 2}));
  TakeBytes();
  int steps = 0;
  for (; !sequence->draft.up_to_date || steps == 0; ++steps) {
    Step();
    EXPECT_LE(TakeBytes(), 4 * kMiB);
    ASSERT_LT(steps, 100);
  }
  // 8 KiB a position.
  EXPECT_EQ(steps, 2000 * 8 / 1024 / 4 + 1);
  EXPECT_EQ(first_.known.at(1).epoch, 2) << "started once";
  ExpectKnown(first_, *sequence);
}

TEST_F(NewsSenderTest, AReplayWaitsUntilItsLastPartIsAnswered) {
  first_.Connect(Session({1, 2}));
  Sequence* const sequence = AddSequence(2000);
  StepUntilUpToDate(*sequence);
  first_.answers = false;
  first_.Connect(Session({1, 2}));
  Step();
  EXPECT_GT(TakeBytes(), 3 * kMiB);
  Steps(3);
  EXPECT_EQ(TakeBytes(), 0u);
  first_.AnswerAll();
  Step();
  EXPECT_GT(TakeBytes(), 3 * kMiB);
}

TEST_F(NewsSenderTest, AReplayConvergesThroughAQueueThatIsFullNowAndThen) {
  first_.Connect(Session({1, 2}));
  Sequence* const sequence = AddSequence(2000);
  StepUntilUpToDate(*sequence);
  first_.Connect(Session({1, 2}));
  int steps = 0;
  for (; !sequence->draft.up_to_date || steps == 0; ++steps) {
    first_.queue_full = steps % 3 != 0;
    Step();
    ASSERT_LT(steps, 100);
  }
  EXPECT_THAT(first_.closed, IsEmpty());
  EXPECT_EQ(first_.known.at(1).epoch, 2) << "started once";
  ExpectKnown(first_, *sequence);
}

TEST_F(NewsSenderTest, AFullQueueCostsTreesOnly) {
  first_.Connect(Session({1}));
  Sequence* const sequence = AddSequence(50);
  Steps(5);
  first_.queue_full = true;
  const int used = first_.used;
  Steps(10);
  EXPECT_EQ(first_.used, used + 1) << "that was asked for before";
  first_.queue_full = false;
  Steps(2);
  EXPECT_GT(first_.used, used + 1);
  EXPECT_EQ(first_.known.at(1).epoch, 1);
  ExpectKnown(first_, *sequence);
}

TEST_F(NewsSenderTest, SequencesThatDraftDoNotWaitForOneThatCatchesUp) {
  first_.Connect(Session({1, 2}));
  Sequence* const drafting = AddSequence(20);
  Steps(3);
  AddSequence(4000);
  for (int step = 0; step < 60; ++step) {
    first_.messages.clear();
    const int used = first_.used;
    Step();
    EXPECT_GE(first_.used, used + 1);
    EXPECT_TRUE(drafting->draft.up_to_date);
    // In front, and alone.
    ASSERT_FALSE(first_.messages.empty());
    EXPECT_GE(first_.messages[0].wishes, 1);
    EXPECT_LT(first_.messages[0].bytes, 64u << 10);
  }
  EXPECT_TRUE(sequences_[1]->draft.up_to_date);
}

TEST_F(NewsSenderTest, NoTreeIsAskedForBehindMoreThanAMessage) {
  first_.Connect(Session({1, 2}));
  Sequence* const sequence = AddSequence(300);  // 2.4 MiB
  StepUntilUpToDate(*sequence);
  first_.Connect(Session({1, 2}));
  first_.messages.clear();
  Step();
  ASSERT_THAT(first_.messages, SizeIs(3));
  for (const auto& message : first_.messages) EXPECT_EQ(message.wishes, 0);
  EXPECT_TRUE(sequence->draft.up_to_date);
  Step();
  EXPECT_EQ(first_.messages.back().wishes, 1);
}

}  // namespace
}  // namespace chimera::testing
