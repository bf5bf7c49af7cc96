#include "verifier/engine/draft_piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tests/verifier/engine/test_sequence.h"

namespace chimera::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int32_t kHiddenSize = 4;
constexpr size_t kMuchRoom = kMaxStepBytes;

class DraftPieceTest : public ::testing::Test {
 protected:
  // Lets drafter 0 tap layers.
  void Tap(std::vector<int32_t> layers, int32_t window = 64) {
    session_.tapped_layers = layers;
    taps_.Set(0, layers, window);
  }

  // A sequence at drafter 0 whose prompt has been read.
  std::unique_ptr<Sequence> MakeSequence(int32_t prompt_size) {
    std::unique_ptr<Sequence> sequence = MakeTestSequence(1, prompt_size);
    sequence->placement.source = 0;
    Verify(sequence.get(), prompt_size);
    return sequence;
  }

  // Advances, and keeps the tapped rows.
  void Verify(Sequence* sequence, int32_t positions) {
    if (sequence->tap_version != taps_.version()) {
      sequence->tap_version = taps_.version();
      sequence->hidden.Reset(taps_.row_size(), taps_.history_window());
    }
    for (int32_t i = 0; i < positions; ++i) {
      const int32_t position = sequence->context_length + i;
      sequence->hidden.Append(position, TestRow(1, position, taps_.layers(), kHiddenSize));
    }
    Advance(sequence, positions);
  }

  std::optional<DraftPiece> Next(const Sequence& sequence, size_t room = kMuchRoom) const {
    return pieces_.Next(sequence, session_, room);
  }

  // Makes a piece as if it were sent.
  DraftPiece Send(Sequence* sequence, size_t room = kMuchRoom) const {
    std::optional<DraftPiece> piece = Next(*sequence, room);
    if (!piece.has_value()) {
      ADD_FAILURE() << "nothing to send";
      return {};
    }
    sequence->draft = piece->progress;
    return *std::move(piece);
  }

  TapUnion taps_{2, kHiddenSize};
  DraftPieceMaker pieces_{TestConfig(kHiddenSize), DraftOptions(), &taps_};
  DraftSession session_ = {.id = 1, .context_window = 1000, .max_sequences = 8, .max_nodes = 6};
};

TEST_F(DraftPieceTest, TheFirstOpensAnEpochAndAsksForATree) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(5);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.sequence_id, 1);
  EXPECT_EQ(piece.update.epoch, 1);
  EXPECT_EQ(piece.update.start_position, 0);
  EXPECT_THAT(piece.update.token_ids, ElementsAreArray(sequence->tokens));
  EXPECT_THAT(piece.update.hidden_states, IsEmpty());
  EXPECT_EQ(piece.update.sampling, sequence->request.sampling);
  EXPECT_EQ(piece.update.node_budget, 6) << "the drafter's limit";
  EXPECT_EQ(piece.update.max_depth, 5);
  EXPECT_TRUE(piece.progress.up_to_date);
}

TEST_F(DraftPieceTest, LaterOnesHoldWhatIsNew) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(5);
  Send(sequence.get());
  Verify(sequence.get(), 3);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.epoch, 1);
  EXPECT_EQ(piece.update.start_position, 6);
  EXPECT_THAT(piece.update.token_ids,
              ElementsAre(TestToken(1, 6), TestToken(1, 7), TestToken(1, 8)));
  EXPECT_FALSE(piece.update.sampling.has_value());
}

TEST_F(DraftPieceTest, MakingAPieceChangesNothing) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(5);
  Next(*sequence);
  const DraftPiece again = *Next(*sequence);
  EXPECT_EQ(again.update.epoch, 1);
  EXPECT_EQ(again.update.start_position, 0);
  EXPECT_FALSE(sequence->draft.opened);
}

TEST_F(DraftPieceTest, OnlyTheWindowIsSent) {
  session_.context_window = 10;
  const std::unique_ptr<Sequence> sequence = MakeSequence(50);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.start_position, 41);
  EXPECT_THAT(piece.update.token_ids, SizeIs(10));
}

TEST_F(DraftPieceTest, AnEndlessWindowIsTheWholeContext) {
  constexpr int32_t kMaxInt = std::numeric_limits<int32_t>::max();
  session_.context_window = kMaxInt;
  Tap({3}, kMaxInt);
  const std::unique_ptr<Sequence> sequence = MakeSequence(50);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.start_position, 0);
  EXPECT_THAT(piece.update.token_ids, SizeIs(51));
  EXPECT_THAT(piece.update.hidden_states, SizeIs(50 * kHiddenSize));
}

TEST_F(DraftPieceTest, OfAPromptOnlyWhatReachesTheWindow) {
  session_.context_window = 10;
  const std::unique_ptr<Sequence> sequence = MakeTestSequence(1, 50);
  sequence->placement.source = 0;
  Verify(sequence.get(), 30);
  EXPECT_FALSE(Next(*sequence).has_value());
  Verify(sequence.get(), 12);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.start_position, 40);
  EXPECT_THAT(piece.update.token_ids, SizeIs(3));
  EXPECT_EQ(piece.update.node_budget, 0);
  EXPECT_FALSE(Next(*sequence).has_value()) << "nothing is new";
}

TEST_F(DraftPieceTest, NothingIsSentAtBudgetZeroAndTheEpochGoesOnAfterIt) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(5);
  Send(sequence.get());
  session_.max_nodes = 0;
  Verify(sequence.get(), 2);
  EXPECT_FALSE(Next(*sequence).has_value());
  session_.max_nodes = 6;
  Verify(sequence.get(), 2);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.epoch, 1);
  EXPECT_EQ(piece.update.start_position, 6);
  EXPECT_THAT(piece.update.token_ids, SizeIs(4));
}

TEST_F(DraftPieceTest, NoTreeReachesBeyondTheContext) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(TestConfig().context_length - 3);
  EXPECT_EQ(Send(sequence.get()).update.max_depth, 2);
  Verify(sequence.get(), 2);
  EXPECT_FALSE(Next(*sequence).has_value()) << "the root has the last position";
}

TEST_F(DraftPieceTest, TheRequestMayAskForOtherTrees) {
  QueuedRequest queued;
  queued.request.prompt = {1, 2};
  queued.request.speculation = {.max_nodes = 3, .max_depth = 15};
  Sequence sequence(std::move(queued), nullptr);
  sequence.placement.source = 0;
  Verify(&sequence, 2);
  const DraftPiece piece = Send(&sequence);
  EXPECT_EQ(piece.update.node_budget, 3);
  EXPECT_EQ(piece.update.max_depth, 15);
}

TEST_F(DraftPieceTest, HiddenStatesAreThoseOfItsLayersAndVerifiedPositions) {
  Tap({2, 5});
  taps_.Set(1, std::vector<int32_t>{3}, 10);
  const std::unique_ptr<Sequence> sequence = MakeSequence(4);
  DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.hidden_start_position, 0);
  std::vector<uint16_t> expected;
  for (int32_t position = 0; position < 4; ++position) {
    const auto row = TestRow(1, position, session_.tapped_layers, kHiddenSize);
    expected.insert(expected.end(), row.begin(), row.end());
  }
  EXPECT_THAT(piece.update.hidden_states, ElementsAreArray(expected));
  Verify(sequence.get(), 1);
  piece = Send(sequence.get());
  EXPECT_EQ(piece.update.hidden_start_position, 4);
  EXPECT_THAT(piece.update.hidden_states,
              ElementsAreArray(TestRow(1, 4, session_.tapped_layers, kHiddenSize)));
}

TEST_F(DraftPieceTest, SmallPiecesAddUpToTheWhole) {
  Tap({2, 5}, 1000);
  const std::unique_ptr<Sequence> sequence = MakeSequence(300);
  const size_t room = pieces_.MinRoom(0) + 100;
  std::vector<int32_t> tokens;
  std::vector<uint16_t> rows;
  int pieces = 0;
  while (!sequence->draft.up_to_date) {
    const int32_t known_before = sequence->draft.sent_end;
    const DraftPiece piece = Send(sequence.get(), room);
    ++pieces;
    EXPECT_LE(piece.bytes, room);
    EXPECT_EQ(piece.update.start_position, known_before);
    EXPECT_EQ(piece.update.sampling.has_value(), pieces == 1);
    EXPECT_EQ(piece.update.node_budget > 0, piece.progress.up_to_date);
    EXPECT_LT(piece.progress.hidden_sent_end, piece.progress.sent_end);
    tokens.insert(tokens.end(), piece.update.token_ids.begin(), piece.update.token_ids.end());
    const auto states = piece.update.hidden_states;
    rows.insert(rows.end(), states.begin(), states.end());
  }
  EXPECT_GT(pieces, 50);
  EXPECT_EQ(tokens, sequence->tokens);
  EXPECT_THAT(rows, SizeIs(300 * 2 * kHiddenSize));
}

TEST_F(DraftPieceTest, AWindowLongerThanTheHistoryIsReplayedWithTheRowsThatAreKept) {
  Tap({2}, 64);
  const std::unique_ptr<Sequence> sequence = MakeSequence(1000);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.start_position, 1);
  EXPECT_EQ(piece.update.hidden_start_position, sequence->hidden.start());
  EXPECT_GT(piece.update.hidden_start_position, 800);
  EXPECT_TRUE(piece.progress.up_to_date);
}

TEST_F(DraftPieceTest, ADrafterThatMissedRowsStartsAnew) {
  Tap({2}, 64);
  const std::unique_ptr<Sequence> sequence = MakeSequence(10);
  Send(sequence.get());
  Verify(sequence.get(), 100);
  EXPECT_EQ(Send(sequence.get()).update.epoch, 1) << "all it lacks is kept";
  Verify(sequence.get(), 200);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.epoch, 2);
  EXPECT_EQ(piece.update.start_position, 0);
  EXPECT_EQ(piece.update.hidden_start_position, sequence->hidden.start());
}

TEST_F(DraftPieceTest, OtherTapsDoNotDisturbADrafterThatKeepsUp) {
  Tap({2});
  const std::unique_ptr<Sequence> sequence = MakeSequence(10);
  Send(sequence.get());
  taps_.Set(1, std::vector<int32_t>{7}, 100);
  Verify(sequence.get(), 2);
  const DraftPiece piece = Send(sequence.get());
  EXPECT_EQ(piece.update.epoch, 1);
  EXPECT_EQ(piece.update.hidden_start_position, 10);
  EXPECT_THAT(piece.update.hidden_states, SizeIs(2 * kHiddenSize));
}

TEST_F(DraftPieceTest, RowsOfOtherTapsAreNotSent) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(10);
  Tap({2});
  // Nothing of layer 2 is kept yet: the tokens must do.
  const DraftPiece first = Send(sequence.get());
  EXPECT_THAT(first.update.hidden_states, IsEmpty());
  EXPECT_TRUE(first.progress.up_to_date);
  Verify(sequence.get(), 1);
  const DraftPiece second = Send(sequence.get());
  EXPECT_EQ(second.update.epoch, 1);
  EXPECT_EQ(second.update.hidden_start_position, 10);
}

TEST_F(DraftPieceTest, AWishCanBeDropped) {
  const std::unique_ptr<Sequence> sequence = MakeSequence(5);
  DraftPiece piece = *Next(*sequence);
  piece.DropWish();
  EXPECT_EQ(piece.update.node_budget, 0);
  EXPECT_EQ(piece.progress.node_budget, 0);
  sequence->draft = piece.progress;
  const DraftPiece wish = Send(sequence.get());
  EXPECT_THAT(wish.update.token_ids, IsEmpty());
  EXPECT_EQ(wish.update.node_budget, 6);
}

}  // namespace
}  // namespace chimera::testing
