#include "drafter/sequence_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "common/rpc/status_conversion.h"
#include "drafter/session_table.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/fake_draft_model.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using testing::AddHiddenStates;
using testing::FakeDraftModel;
using testing::MakeFirstUpdate;
using testing::MakeUpdate;

// A violation of the rule about the field at `path`, whose message also contains `text`.
MATCHER_P2(IsViolation, path, text, "") {
  const absl::Status& status = testing::GetStatus(arg);
  *result_listener << status;
  const auto detail = GetErrorDetail(status);
  return status.code() == absl::StatusCode::kInvalidArgument && detail.has_value() &&
         detail->reason() == v1::ERROR_REASON_PROTOCOL_VIOLATION && detail->field() == path &&
         status.message().find(text) != absl::string_view::npos;
}

constexpr int32_t kContextLength = 1000;

// A table of one stream whose model taps two layers.
class SequenceSessionTest : public ::testing::Test {
 protected:
  absl::StatusOr<SessionTable::Admission> Send(const v1::SequenceUpdate& update) {
    const SequenceLimits limits = {.vocab_size = 1000,
                                   .context_length = kContextLength,
                                   .row_shape = {.n_tapped = n_tapped_, .hidden_size = 4}};
    absl::StatusOr<SequenceNews> news = ParseSequenceUpdate(update, limits, "u");
    if (!news.ok()) return news.status();
    return table_.Admit(*news, "u");
  }

  v1::DraftOutcome Outcome(const v1::SequenceUpdate& update) {
    const absl::StatusOr<SessionTable::Admission> admission = Send(update);
    CHIMERA_EXPECT_OK(admission);
    return admission.ok() ? admission->outcome : v1::DRAFT_OUTCOME_UNSPECIFIED;
  }

  int64_t n_tapped_ = 2;
  FakeDraftModel model_{{0, 3}};
  SequenceCapacity capacity_{2};
  SessionTable table_{&model_, &capacity_};
};

TEST_F(SequenceSessionTest, UpdatesOfAnEpochFollowEachOther) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(SessionTable::Admission first,
                               Send(MakeFirstUpdate(1, 1, 10, {5, 6, 7})));
  EXPECT_EQ(first.outcome, v1::DRAFT_OUTCOME_DRAFTED);
  EXPECT_EQ(first.session->root_position(), 12);
  CHIMERA_ASSERT_OK_AND_ASSIGN(SessionTable::Admission second, Send(MakeUpdate(1, 1, 13, {8})));
  EXPECT_EQ(second.session, first.session);
  EXPECT_EQ(second.session->root_position(), 13);
  CHIMERA_ASSERT_OK_AND_ASSIGN(second, Send(MakeUpdate(1, 1, 14, {})));
  EXPECT_EQ(second.session->root_position(), 13);
}

TEST_F(SequenceSessionTest, StartPositionMustContinue) {
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(1, 1, 0, {5, 6})));
  EXPECT_THAT(Send(MakeUpdate(1, 1, 3, {7})), IsViolation("u.start_position", "is 3, must be 2"));
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(2, 1, 0, {5, 6})));
  EXPECT_THAT(Send(MakeUpdate(2, 1, 1, {7})), IsViolation("u.start_position", "must be 2"));
}

TEST_F(SequenceSessionTest, AHigherEpochStartsAgain) {
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(1, 1, 0, {5, 6})));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const SessionTable::Admission replay,
                               Send(MakeFirstUpdate(1, 4, 100, {9})));
  EXPECT_EQ(replay.session->root_position(), 100);
  EXPECT_EQ(replay.session->epoch(), 4);
  EXPECT_EQ(capacity_.held(), 1);
}

TEST_F(SequenceSessionTest, EpochMustNotFall) {
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(1, 4, 0, {5})));
  EXPECT_THAT(Send(MakeFirstUpdate(1, 3, 0, {5})), IsViolation("u.epoch", "is 3 after 4"));
}

TEST_F(SequenceSessionTest, TheFirstUpdateOfAnEpochIsComplete) {
  EXPECT_THAT(Send(MakeFirstUpdate(1, 1, 0, {})), IsViolation("u.token_ids", "is empty"));
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(2, 1, 0, {5})));
  EXPECT_THAT(Send(MakeUpdate(2, 2, 0, {5})), IsViolation("u.sampling", "is missing"));
}

TEST_F(SequenceSessionTest, SamplingHoldsForTheEpoch) {
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(1, 1, 0, {5})));
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(1, 1, 1, {6})));
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 2, {7});
  update.mutable_sampling()->set_seed(8);
  EXPECT_THAT(Send(update), IsViolation("u.sampling", "differs"));
}

TEST_F(SequenceSessionTest, WhatTheDrafterDoesNotHoldIsUnknown) {
  EXPECT_EQ(Outcome(MakeUpdate(1, 3, 17, {5})), v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE);
  CHIMERA_ASSERT_OK(Send(MakeFirstUpdate(1, 1, 0, {5})));
  table_.Close(1);
  table_.Close(1);
  EXPECT_EQ(capacity_.held(), 0);
  EXPECT_EQ(Outcome(MakeUpdate(1, 1, 1, {5})), v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE);
}

TEST_F(SequenceSessionTest, AFullDrafterIsOverloadedUntilOneIsClosed) {
  EXPECT_EQ(Outcome(MakeFirstUpdate(1, 1, 0, {5})), v1::DRAFT_OUTCOME_DRAFTED);
  {
    // The capacity is that of all streams.
    SessionTable other(&model_, &capacity_);
    CHIMERA_ASSERT_OK_AND_ASSIGN(
        const SequenceNews news,
        ParseSequenceUpdate(MakeFirstUpdate(1, 1, 0, {5}),
                            {.vocab_size = 1000, .context_length = kContextLength, .row_shape = {}},
                            "u"));
    CHIMERA_ASSERT_OK(other.Admit(news, "u"));
    EXPECT_EQ(Outcome(MakeFirstUpdate(3, 1, 0, {5})), v1::DRAFT_OUTCOME_OVERLOADED);
    EXPECT_EQ(Outcome(MakeUpdate(3, 1, 1, {5})), v1::DRAFT_OUTCOME_OVERLOADED);
    EXPECT_EQ(Outcome(MakeUpdate(1, 1, 1, {5})), v1::DRAFT_OUTCOME_DRAFTED);
  }
  EXPECT_EQ(Outcome(MakeFirstUpdate(3, 1, 0, {5})), v1::DRAFT_OUTCOME_DRAFTED);
}

TEST_F(SequenceSessionTest, FieldsAreInRange) {
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 0, {5});
  const v1::SequenceUpdate good = update;
  update.set_sequence_id(0);
  EXPECT_THAT(Send(update), IsViolation("u.sequence_id", "is 0"));
  update = good;
  update.set_epoch(0);
  EXPECT_THAT(Send(update), IsViolation("u.epoch", "is 0"));
  update = good;
  update.set_start_position(-1);
  EXPECT_THAT(Send(update), IsViolation("u.start_position", "is -1"));
  update.set_start_position(kContextLength);
  EXPECT_THAT(Send(update), IsViolation("u.start_position", "is 1000, must be in [0, 999]"));
  update = good;
  update.mutable_token_ids()->Resize(kContextLength + 1, 5);
  EXPECT_THAT(Send(update), IsViolation("u.token_ids", "has 1001 tokens, may have 1000"));
  update = good;
  update.set_token_ids(0, 1000);
  EXPECT_THAT(Send(update), IsViolation("u.token_ids[0]", "is 1000, must be in [0, 999]"));
  update.set_token_ids(0, -1);
  EXPECT_THAT(Send(update), IsViolation("u.token_ids[0]", "is -1"));
  update = good;
  update.set_node_budget(64);
  EXPECT_THAT(Send(update), IsViolation("u.node_budget", "must be in [0, 63]"));
  update.set_node_budget(-1);
  EXPECT_THAT(Send(update), IsViolation("u.node_budget", "is -1"));
  update = good;
  update.set_max_depth(16);
  EXPECT_THAT(Send(update), IsViolation("u.max_depth", "must be in [1, 15]"));
  update.set_node_budget(0);
  CHIMERA_EXPECT_OK(Send(update));
}

TEST_F(SequenceSessionTest, SamplingIsChecked) {
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 0, {5});
  update.mutable_sampling()->set_temperature(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(Send(update), IsViolation("u.sampling", "temperature"));
  update.mutable_sampling()->set_temperature(1);
  update.mutable_sampling()->clear_seed();
  EXPECT_THAT(Send(update), IsViolation("u.sampling.seed", "is not set"));
}

TEST_F(SequenceSessionTest, HiddenStatesCoverVerifiedPositionsInOrder) {
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 10, {5, 6, 7});
  AddHiddenStates(10, 2, 2, &update);
  CHIMERA_ASSERT_OK(Send(update));
  update = MakeUpdate(1, 1, 13, {8, 9});
  AddHiddenStates(12, 2, 2, &update);
  CHIMERA_ASSERT_OK(Send(update));
  // States that the verifier has lost may be left out, but none is sent twice.
  update = MakeUpdate(1, 1, 15, {8, 9});
  AddHiddenStates(15, 1, 2, &update);
  CHIMERA_ASSERT_OK(Send(update));
  update = MakeUpdate(1, 1, 17, {8});
  AddHiddenStates(15, 1, 2, &update);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_start_position", "is 15, must be at least 16"));
}

TEST_F(SequenceSessionTest, TheNewestTokenHasNoHiddenState) {
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 10, {5, 6, 7});
  AddHiddenStates(10, 3, 2, &update);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "3 rows from position 10"));
  AddHiddenStates(-1, 1, 2, &update);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "from position -1"));
  AddHiddenStates(9, 1, 2, &update);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_start_position", "must be at least 10"));
}

TEST_F(SequenceSessionTest, HiddenStatesHaveTheRightTypeShapeAndSize) {
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 10, {5, 6, 7});
  AddHiddenStates(10, 2, 1, &update);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "[n_positions, 2, 4]"));
  AddHiddenStates(10, 2, 2, &update);
  update.mutable_hidden_states()->set_dtype(v1::DATA_TYPE_FLOAT32);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "dtype"));
  update.mutable_hidden_states()->set_dtype(v1::DATA_TYPE_BFLOAT16);
  update.mutable_hidden_states()->mutable_data()->pop_back();
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "31 bytes"));
  update.mutable_hidden_states()->set_shape(0, std::numeric_limits<int64_t>::max());
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "31 bytes"));
}

TEST_F(SequenceSessionTest, WithoutTappedLayersThereAreNoHiddenStates) {
  n_tapped_ = 0;
  v1::SequenceUpdate update = MakeFirstUpdate(1, 1, 10, {5, 6, 7});
  AddHiddenStates(10, 2, 1, &update);
  EXPECT_THAT(Send(update), IsViolation("u.hidden_states", "no layer is tapped"));
}

}  // namespace
}  // namespace chimera
