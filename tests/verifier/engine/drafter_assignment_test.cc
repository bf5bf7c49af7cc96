#include "verifier/engine/drafter_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "tests/testing/fake_clock.h"
#include "tests/verifier/engine/fake_draft_source.h"
#include "tests/verifier/engine/test_sequence.h"

namespace chimera::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DrafterAssignmentTest : public ::testing::Test {
 protected:
  DrafterAssignmentTest() {
    Connect(&first_);
    Connect(&second_);
    for (int64_t id = 1; id <= 4; ++id) sequences_.push_back(MakeTestSequence(id, 10));
  }

  void Connect(FakeDraftSource* source, int32_t max_sequences = 8) {
    source->Connect({.context_window = 100, .max_sequences = max_sequences, .max_nodes = 8});
    Refresh();
  }

  void Refresh() {
    for (SourceTracker& tracker : trackers_) tracker.Refresh();
  }

  // Assigns all sequences. Returns their sources.
  std::vector<int> Assign() {
    std::vector<int> assigned;
    for (const auto& sequence : sequences_) {
      assignment_.Assign(sequence.get());
      assigned.push_back(sequence->placement.source);
    }
    return assigned;
  }

  // Lets a drafter miss a deadline.
  void FallBehind(FakeDraftSource* source) {
    source->answers = false;
    const int32_t token = 5;
    const DraftUpdate update = {.sequence_id = 99,
                                .epoch = 1,
                                .token_ids = {&token, 1},
                                .sampling = SamplingParams(),
                                .node_budget = 1};
    SourceTracker& tracker = trackers_[source == &first_ ? 0 : 1];
    tracker.Send({&update, 1}, {}, 0);
    tracker.TakeDrafts(0);
    ASSERT_FALSE(tracker.ready());
  }

  FakeClock clock_;
  FakeDraftSource first_{4}, second_{4};
  std::vector<SourceTracker> trackers_{{&first_, DraftOptions(), &clock_},
                                       {&second_, DraftOptions(), &clock_}};
  DrafterAssignment assignment_{trackers_, &clock_};
  std::vector<std::unique_ptr<Sequence>> sequences_;
};

TEST_F(DrafterAssignmentTest, SpreadsSequencesEvenlyAndLeavesThemThere) {
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 0, 1));
  assignment_.Detach(sequences_[0].get());
  EXPECT_EQ(trackers_[0].sequence_count, 1);
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 0, 1));
}

TEST_F(DrafterAssignmentTest, NoDrafterGetsMoreThanItHolds) {
  Connect(&first_, 1);
  Connect(&second_, 2);
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 1, -1));
  assignment_.Detach(sequences_[1].get());
  sequences_.erase(sequences_.begin() + 1);
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 1));
}

TEST_F(DrafterAssignmentTest, WithoutDraftersThereIsNone) {
  first_.Disconnect();
  second_.Disconnect();
  Refresh();
  EXPECT_THAT(Assign(), ElementsAre(-1, -1, -1, -1));
}

TEST_F(DrafterAssignmentTest, SequencesOfALostSessionGoToAnotherDrafter) {
  Assign();
  for (const auto& sequence : sequences_) sequence->draft.opened = true;
  first_.Disconnect();
  Refresh();
  EXPECT_THAT(Assign(), ElementsAre(1, 1, 1, 1));
  EXPECT_FALSE(sequences_[0]->draft.opened);
  EXPECT_THAT(first_.closed, IsEmpty()) << "its session is over";
  // What is new goes to the one that came back; the others stay.
  Connect(&first_);
  sequences_.push_back(MakeTestSequence(5, 10));
  EXPECT_THAT(Assign(), ElementsAre(1, 1, 1, 1, 0));
  EXPECT_EQ(trackers_[0].sequence_count, 1);
  EXPECT_EQ(trackers_[1].sequence_count, 4);
}

TEST_F(DrafterAssignmentTest, DetachFreesWhatTheDrafterKnows) {
  Assign();
  sequences_[0]->draft.opened = true;
  assignment_.Detach(sequences_[0].get());
  assignment_.Detach(sequences_[2].get());
  assignment_.Detach(sequences_[2].get());
  EXPECT_THAT(first_.closed, ElementsAre(1)) << "the other was never sent";
  EXPECT_EQ(trackers_[0].sequence_count, 0);
}

TEST_F(DrafterAssignmentTest, SequencesLeaveADrafterThatStaysBehind) {
  Assign();
  for (const auto& sequence : sequences_) sequence->draft.opened = true;
  FallBehind(&first_);
  clock_.Advance(milliseconds(249));
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 0, 1));
  clock_.Advance(milliseconds(1));
  EXPECT_THAT(Assign(), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(first_.closed, ElementsAre(1, 3));
}

TEST_F(DrafterAssignmentTest, SequencesStayWhereNoOtherDrafterIsBetter) {
  Assign();
  FallBehind(&first_);
  FallBehind(&second_);
  clock_.Advance(milliseconds(1000));
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 0, 1));
  second_.Disconnect();
  Refresh();
  EXPECT_THAT(Assign(), ElementsAre(0, -1, 0, -1)) << "nor does one that is behind get new ones";
}

TEST_F(DrafterAssignmentTest, AnotherDrafterIsAskedAtOnceAfterARefusal) {
  Assign();
  assignment_.DetachRefused(sequences_[0].get());
  EXPECT_THAT(Assign(), ElementsAre(1, 1, 0, 1));
  assignment_.DetachRefused(sequences_[0].get());
  EXPECT_THAT(Assign(), ElementsAre(-1, 1, 0, 1));
  clock_.Advance(milliseconds(100));
  EXPECT_THAT(Assign(), ElementsAre(0, 1, 0, 1));
}

class RefusalTest : public DrafterAssignmentTest {
 protected:
  RefusalTest() {
    second_.Disconnect();
    Refresh();
    sequences_.resize(1);
    Assign();
  }

  // The pause after a refusal.
  milliseconds Pause() {
    assignment_.DetachRefused(sequences_[0].get());
    milliseconds pause(0);
    while (Assign()[0] < 0) {
      clock_.Advance(milliseconds(50));
      pause += milliseconds(50);
    }
    return pause;
  }
};

TEST_F(RefusalTest, PausesDoubleUpToALimit) {
  for (const int expected : {100, 200, 400, 800, 1600, 3200, 6400, 6400}) {
    EXPECT_EQ(Pause(), milliseconds(expected));
  }
}

TEST_F(RefusalTest, ADraftEndsTheRow) {
  EXPECT_EQ(Pause(), milliseconds(100));
  EXPECT_EQ(Pause(), milliseconds(200));
  assignment_.NoteAccepted(sequences_[0].get());
  EXPECT_EQ(Pause(), milliseconds(100));
}

TEST_F(RefusalTest, ANewSessionIsAskedAtOnce) {
  Pause();
  assignment_.DetachRefused(sequences_[0].get());
  EXPECT_THAT(Assign(), ElementsAre(-1));
  Connect(&first_);
  EXPECT_THAT(Assign(), ElementsAre(0));
  EXPECT_EQ(Pause(), milliseconds(100));
}

}  // namespace
}  // namespace chimera::testing
