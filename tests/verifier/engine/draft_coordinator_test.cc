// What drafters do to a coordinator, and what it makes of it.

#include "verifier/engine/draft_coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "tests/verifier/engine/draft_fixture.h"

namespace chimera::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DraftCoordinatorTest : public DraftFixture {};

TEST_F(DraftCoordinatorTest, EveryStepOfASequenceGetsATree) {
  first_.Connect(Session({1}));
  Sequence* const sequence = AddSequence(250);
  Steps(3);  // chunks of 100
  for (int step = 0; step < 20; ++step) {
    Step(3);
    EXPECT_EQ(sequence->tree.size(), 2);
    EXPECT_EQ(sequence->tree.token(1), 7);
    EXPECT_THAT(sequence->path_probabilities, ElementsAre(0.5f));
    EXPECT_THAT(sequence->sources, ElementsAre(CandidateSource::kNgram));
  }
  EXPECT_EQ(first_.used, 20);
  EXPECT_EQ(first_.discarded, 0);
  ExpectKnown(first_, *sequence);
}

TEST_F(DraftCoordinatorTest, DraftersLearnThePrices) {
  first_.Connect(Session());
  AddSequence(5);
  Steps(2);
  EXPECT_EQ(first_.messages.back().prices, DraftPrices()) << "unknown at first";
  const DraftPrices prices = {.token_seconds = 0.5f, .node_seconds = 0.25f};
  coordinator_.SetPrices(prices);
  Step();
  EXPECT_EQ(first_.messages.back().prices, prices);
}

TEST_F(DraftCoordinatorTest, RequestsWithoutSpeculationAreNotSent) {
  first_.Connect(Session({1}));
  QueuedRequest queued;
  queued.request.prompt = {1, 2, 3};
  queued.request.speculation.enabled = false;
  sequences_.push_back(std::make_unique<Sequence>(std::move(queued), nullptr));
  Steps(5);
  EXPECT_THAT(first_.messages, IsEmpty());
}

TEST_F(DraftCoordinatorTest, AnEndlessContextWindowIsTheModels) {
  constexpr int32_t kMaxInt = std::numeric_limits<int32_t>::max();
  DraftSession session = Session({1, 2}, kMaxInt);
  session.max_sequences = kMaxInt;
  first_.Connect(session);
  Sequence* const sequence = AddSequence(5000);
  StepUntilUpToDate(*sequence);
  Steps(100);
  ExpectKnown(first_, *sequence);
  EXPECT_LE(sequence->hidden.end() - sequence->hidden.start(), TestConfig().context_length);
}

TEST_F(DraftCoordinatorTest, TwoDraftersGetTheLayersThatEachTaps) {
  first_.Connect(Session({1, 4}));
  second_.Connect(Session({4, 6}));
  Sequence* const at_first = AddSequence(30);
  Sequence* const at_second = AddSequence(40);
  Steps(10);
  EXPECT_THAT(coordinator_.tapped_layers(), ElementsAre(1, 4, 6));
  ExpectKnown(first_, *at_first);
  ExpectKnown(second_, *at_second);
  EXPECT_FALSE(first_.known.contains(at_second->id));
  EXPECT_FALSE(second_.known.contains(at_first->id));
}

TEST_F(DraftCoordinatorTest, AReconnectedDrafterGetsTheHiddenStatesAgain) {
  first_.Connect(Session({2}));
  Sequence* const sequence = AddSequence(150);
  Steps(20);
  first_.Disconnect();
  Steps(10);
  EXPECT_EQ(sequence->tree.size(), 1);
  first_.Connect(Session({2}));
  Steps(2);
  EXPECT_EQ(sequence->tree.size(), 2);
  EXPECT_EQ(first_.known.at(1).epoch, 2);
  ExpectKnown(first_, *sequence);
}

TEST_F(DraftCoordinatorTest, ADrafterThatComesAndGoesDoesNotTouchWhatTheOtherNeeds) {
  first_.Connect(Session({1}, 1000));
  second_.Connect(Session({6}, 2000));
  Sequence* const sequence = AddSequence(100);
  Steps(5);
  ASSERT_EQ(sequence->placement.source, 0);
  for (int flap = 0; flap < 5; ++flap) {
    second_.Disconnect();
    Steps(2);
    EXPECT_THAT(coordinator_.tapped_layers(), ElementsAre(1, 6));
    second_.Connect(Session({6}, 2000));
    Steps(2);
  }
  EXPECT_EQ(sequence->hidden.start(), 0) << "the history was thrown away";
  // So that the first one, too, can be replayed to from the beginning.
  first_.Connect(Session({1}, 1000));
  Steps(2);
  const FakeDraftSource& now = sequence->placement.source == 0 ? first_ : second_;
  ExpectKnown(now, *sequence);
}

TEST_F(DraftCoordinatorTest, OneOfTwoDraftersFails) {
  first_.Connect(Session({1}));
  second_.Connect(Session({2}));
  for (int i = 0; i < 4; ++i) AddSequence(30);
  Steps(10);
  first_.Disconnect();
  Steps(2);
  for (const auto& sequence : sequences_) {
    EXPECT_EQ(sequence->placement.source, 1);
    EXPECT_EQ(sequence->tree.size(), 2);
    ExpectKnown(second_, *sequence);
  }
}

TEST_F(DraftCoordinatorTest, ADrafterThatIsBehindIsNeitherWaitedForNorSentAnything) {
  first_.Connect(Session({1}));
  Sequence* const sequence = AddSequence(30);
  Steps(5);
  first_.answers = false;
  Steps(2);
  const size_t messages = first_.messages.size();
  Steps(10);
  EXPECT_EQ(sequence->tree.size(), 1);
  EXPECT_EQ(first_.messages.size(), messages);
  first_.answers = true;
  first_.AnswerAll();
  Steps(2);
  EXPECT_EQ(sequence->tree.size(), 2);
  EXPECT_EQ(first_.known.at(1).epoch, 1) << "what it missed was enough";
  ExpectKnown(first_, *sequence);
}

TEST_F(DraftCoordinatorTest, ADrafterThatWasBehindForLongIsReplayedTo) {
  first_.Connect(Session({1}, 64));
  Sequence* const sequence = AddSequence(30);
  Steps(5);
  first_.answers = false;
  Steps(200);
  first_.answers = true;
  first_.AnswerAll();
  Steps(2);
  EXPECT_EQ(sequence->tree.size(), 2);
  EXPECT_EQ(first_.known.at(1).epoch, 2);
  ExpectKnown(first_, *sequence, first_.known.at(1).rows.begin()->first);
  EXPECT_GE(first_.known.at(1).rows.size(), 60u);
}

TEST_F(DraftCoordinatorTest, ASilentDrafterIsGivenUpAndTheOtherTakesOver) {
  first_.Connect(Session({1}));
  second_.Connect(Session({1}));
  Sequence* const sequence = AddSequence(30);
  AddSequence(30);
  Steps(5);
  first_.answers = false;
  for (int step = 0; step < 30; ++step) {
    clock_.Advance(milliseconds(20));
    Step();
  }
  EXPECT_EQ(sequence->placement.source, 1) << "after a quarter of a second";
  EXPECT_THAT(first_.closed, ElementsAre(sequence->id));
  EXPECT_EQ(sequence->tree.size(), 2);
  EXPECT_THAT(first_.restarts, IsEmpty());
  for (int step = 0; step < 100; ++step) {
    clock_.Advance(milliseconds(20));
    Step();
  }
  EXPECT_THAT(first_.restarts, ElementsAre("no answer for 2000 ms"));
  ExpectKnown(second_, *sequence);
}

TEST_F(DraftCoordinatorTest, RefusedSequencesPauseLongerEachTime) {
  for (const DraftOutcome outcome : {DraftOutcome::kOverloaded, DraftOutcome::kUnknownSequence}) {
    first_.Connect(Session({1}));
    first_.outcome = outcome;
    sequences_.clear();
    AddSequence(30);
    Steps(2);
    std::vector<int64_t> steps_between;
    first_.messages.clear();
    for (int step = 1, last = 0; step <= 200; ++step) {
      clock_.Advance(milliseconds(10));
      Step();
      if (first_.messages.empty()) continue;
      steps_between.push_back(step - last);
      last = step;
      first_.messages.clear();
    }
    // Pauses begin when the refusal is seen, a step after the attempt.
    EXPECT_THAT(steps_between, ElementsAre(10, 21, 41, 81));
    first_.outcome = DraftOutcome::kDrafted;
    clock_.Advance(milliseconds(10'000));
    Steps(2);
    EXPECT_EQ(sequences_[0]->tree.size(), 2);
    ExpectKnown(first_, *sequences_[0]);
    coordinator_.Close(sequences_[0].get());
  }
}

TEST_F(DraftCoordinatorTest, ASequenceThatEndsIsFreed) {
  first_.Connect(Session());
  Sequence* const sequence = AddSequence(10);
  Steps(3);
  coordinator_.Close(sequence);
  sequences_.clear();
  EXPECT_THAT(first_.closed, ElementsAre(1));
  // Its draft is on the way.
  Step();
  EXPECT_EQ(first_.discarded, 1);
}

TEST_F(DraftCoordinatorTest, ADrafterHasNoSayAboutTheSequencesOfAnother) {
  first_.Connect(Session());
  second_.Connect(Session());
  Sequence* const sequence = AddSequence(10);
  Sequence* const other = AddSequence(10);
  second_.change = [&](Draft* draft) {
    draft->sequence_id = sequence->id;
    draft->outcome = DraftOutcome::kUnknownSequence;
  };
  Steps(2);
  for (int step = 0; step < 10; ++step) {
    Step();
    EXPECT_EQ(sequence->placement.source, 0);
    EXPECT_EQ(sequence->tree.size(), 2);
    EXPECT_EQ(other->tree.size(), 1);
  }
  EXPECT_EQ(first_.known.at(sequence->id).epoch, 1);
  EXPECT_EQ(first_.discarded, 0);
  EXPECT_EQ(second_.used, 0);
  EXPECT_GE(second_.discarded, 10);
}

TEST_F(DraftCoordinatorTest, UselessDraftsAreCountedAndCostATreeEach) {
  first_.Connect(Session());
  Sequence* const sequence = AddSequence(10);
  Steps(2);
  const std::function<void(Draft*)> changes[] = {
      [](Draft* draft) { draft->epoch += 1; },
      [](Draft* draft) { draft->epoch -= 1; },
      [](Draft* draft) { draft->root_position -= 1; },
      [](Draft* draft) { draft->sequence_id = 1234; },
      [](Draft* draft) { draft->token_ids[0] = -1; },
      [](Draft* draft) { draft->outcome = DraftOutcome::kMalformed; },
      // An old refusal.
      [](Draft* draft) {
        draft->epoch -= 1;
        draft->outcome = DraftOutcome::kUnknownSequence;
      },
  };
  int discarded = first_.discarded;
  for (const auto& change : changes) {
    first_.change = change;
    Step();  // takes the good draft of the step before
    EXPECT_EQ(sequence->tree.size(), 2);
    first_.change = nullptr;
    Step();
    EXPECT_EQ(sequence->tree.size(), 1);
    EXPECT_EQ(first_.discarded, ++discarded);
    EXPECT_EQ(sequence->placement.source, 0);
  }
  EXPECT_EQ(first_.known.at(1).epoch, 1);
}

TEST_F(DraftCoordinatorTest, ASecondDraftForASequenceIsDropped) {
  first_.Connect(Session());
  Sequence* const sequence = AddSequence(10);
  AddSequence(10);
  first_.change = [&](Draft* draft) {
    // In place of the second sequence's, which has the same root position.
    if (draft->sequence_id != sequence->id) draft->token_ids[0] = 9;
    draft->sequence_id = sequence->id;
  };
  Steps(3);
  EXPECT_EQ(sequence->tree.token(1), 7);
  EXPECT_EQ(first_.used, first_.discarded);
}

}  // namespace
}  // namespace chimera::testing
