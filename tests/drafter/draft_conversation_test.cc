#include "drafter/draft_conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "common/rpc/status_conversion.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/fake_draft_model.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::testing::ElementsAre;
using testing::FakeDraftModel;
using testing::MakeClose;
using testing::MakeFirstUpdate;
using testing::MakeHello;
using testing::MakeStep;
using testing::MakeUpdate;
using testing::TestTarget;
using Action = DraftConversation::Action;

MATCHER_P3(FailsWith, code, reason, field, "") {
  const absl::Status& status = testing::GetStatus(arg);
  *result_listener << status;
  const auto detail = GetErrorDetail(status);
  return status.code() == code && detail.has_value() && detail->reason() == reason &&
         detail->field() == field;
}

auto Violates(const char* field) {
  return FailsWith(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROTOCOL_VIOLATION, field);
}

class DraftConversationTest : public ::testing::Test {
 protected:
  void Greet() {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Action action, conversation_.Receive(MakeHello()));
    ASSERT_EQ(action, Action::kSendReady);
  }

  v1::StepReply Step(int64_t step, const std::vector<v1::SequenceUpdate>& updates) {
    const v1::DraftRequest request = MakeStep(step, updates);
    const absl::StatusOr<Action> action = conversation_.Receive(request);
    CHIMERA_EXPECT_OK(action);
    v1::DraftResponse response;
    if (action.ok())
      conversation_.WriteReply(model_.Draft(conversation_.inputs()).value(), &response);
    return response.reply();
  }

  const TargetInfo target_ = TestTarget();
  FakeDraftModel model_{{0, 3}};
  SequenceCapacity capacity_{2};
  DraftConversation conversation_{&target_, &model_, &capacity_};
};

TEST_F(DraftConversationTest, ReadySaysWhatTheDrafterIs) {
  Greet();
  v1::DraftResponse response;
  conversation_.WriteReady(&response);
  const v1::Ready& ready = response.ready();
  EXPECT_EQ(ready.name(), "fake");
  EXPECT_EQ(FromProto(ready.fingerprint()), TestTarget().fingerprint);
  EXPECT_THAT(ready.tapped_layers(), ElementsAre(0, 3));
  EXPECT_EQ(ready.dtype(), v1::DATA_TYPE_BFLOAT16);
  EXPECT_EQ(ready.context_window(), 32);
  EXPECT_EQ(ready.max_sequences(), 2);
  EXPECT_EQ(ready.max_nodes(), 8);
}

// Not those of the target's file that lies on the drafter's host.
TEST_F(DraftConversationTest, ReadyNamesTheWeightsThatTheModelWasMadeFor) {
  const Fingerprint made_for = {TestTarget().fingerprint.identity, "others"};
  FakeDraftModel model({0, 3}, made_for);
  DraftConversation conversation(&target_, &model, &capacity_);
  CHIMERA_ASSERT_OK(conversation.Receive(MakeHello()));
  v1::DraftResponse response;
  conversation.WriteReady(&response);
  EXPECT_EQ(FromProto(response.ready().fingerprint()), made_for);
}

TEST_F(DraftConversationTest, RefusesAnotherProtocolOrModel) {
  v1::DraftRequest hello = MakeHello();
  hello.mutable_hello()->set_protocol_version(2);
  EXPECT_THAT(conversation_.Receive(hello),
              FailsWith(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_PROTOCOL_MISMATCH,
                        "hello.protocol_version"));
  const auto mismatch = [](const char* field) {
    return FailsWith(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_FINGERPRINT_MISMATCH,
                     field);
  };
  hello = MakeHello();
  hello.mutable_hello()->mutable_fingerprint()->set_identity("\n\xff");
  EXPECT_THAT(conversation_.Receive(hello), mismatch("hello.fingerprint.identity"));
  hello = MakeHello();
  hello.mutable_hello()->set_hidden_size(5);
  EXPECT_THAT(conversation_.Receive(hello), mismatch("hello.hidden_size"));
  hello = MakeHello();
  hello.mutable_hello()->set_layer_count(4);
  EXPECT_THAT(conversation_.Receive(hello), mismatch("hello.layer_count"));
  hello = MakeHello();
  hello.mutable_hello()->set_vocab_size(999);
  EXPECT_THAT(conversation_.Receive(hello), mismatch("hello.vocab_size"));
}

TEST_F(DraftConversationTest, OtherWeightsAreTheVerifiersToJudge) {
  v1::DraftRequest hello = MakeHello();
  hello.mutable_hello()->mutable_fingerprint()->set_weights("other");
  CHIMERA_EXPECT_OK(conversation_.Receive(hello));
}

TEST_F(DraftConversationTest, HelloComesFirstAndOnce) {
  EXPECT_THAT(conversation_.Receive(MakeStep(1, {})), Violates("message"));
  EXPECT_THAT(conversation_.Receive(MakeClose({1})), Violates("message"));
  EXPECT_THAT(conversation_.Receive(v1::DraftRequest()), Violates("message"));
  Greet();
  EXPECT_THAT(conversation_.Receive(MakeHello()), Violates("message"));
  EXPECT_THAT(conversation_.Receive(v1::DraftRequest()), Violates("message"));
}

TEST_F(DraftConversationTest, RepliesInTheOrderOfTheRequest) {
  Greet();
  v1::SequenceUpdate no_tree = MakeFirstUpdate(5, 1, 0, {300});
  no_tree.set_node_budget(0);
  const v1::StepReply reply =
      Step(1, {MakeFirstUpdate(9, 3, 20, {100, 101}), no_tree, MakeUpdate(2, 1, 0, {5})});
  EXPECT_EQ(reply.step(), 1);
  ASSERT_EQ(reply.drafts_size(), 2);
  EXPECT_EQ(reply.drafts(0).sequence_id(), 9);
  EXPECT_EQ(reply.drafts(0).epoch(), 3);
  EXPECT_EQ(reply.drafts(0).root_position(), 21);
  EXPECT_EQ(reply.drafts(0).outcome(), v1::DRAFT_OUTCOME_DRAFTED);
  EXPECT_THAT(reply.drafts(0).tree().token_ids(), ElementsAre(102, 103, 104));
  EXPECT_THAT(reply.drafts(0).tree().parents(), ElementsAre(0, 1, 2));
  EXPECT_THAT(reply.drafts(0).tree().sources(),
              ElementsAre(v1::CANDIDATE_SOURCE_NGRAM, v1::CANDIDATE_SOURCE_NETWORK,
                          v1::CANDIDATE_SOURCE_NETWORK));
  EXPECT_EQ(reply.drafts(1).sequence_id(), 2);
  EXPECT_EQ(reply.drafts(1).epoch(), 1);
  EXPECT_EQ(reply.drafts(1).outcome(), v1::DRAFT_OUTCOME_OVERLOADED);
  EXPECT_EQ(reply.drafts(1).tree().token_ids_size(), 0);
}

TEST_F(DraftConversationTest, TokensWithoutBudgetAreTakenIn) {
  Greet();
  v1::SequenceUpdate chunk = MakeFirstUpdate(1, 1, 0, {300, 301});
  chunk.set_node_budget(0);
  EXPECT_EQ(Step(1, {chunk}).drafts_size(), 0);
  const v1::StepReply reply = Step(2, {MakeUpdate(1, 1, 2, {})});
  ASSERT_EQ(reply.drafts_size(), 1);
  EXPECT_EQ(reply.drafts(0).root_position(), 1);
  EXPECT_THAT(reply.drafts(0).tree().token_ids(), ElementsAre(302, 303, 304));
}

TEST_F(DraftConversationTest, CloseFreesAndIgnoresWhatItDoesNotKnow) {
  Greet();
  Step(1, {MakeFirstUpdate(1, 1, 0, {1}), MakeFirstUpdate(2, 1, 0, {1})});
  EXPECT_EQ(capacity_.held(), 2);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Action action, conversation_.Receive(MakeClose({2, 77, 2})));
  EXPECT_EQ(action, Action::kNothing);
  EXPECT_EQ(capacity_.held(), 1);
  EXPECT_EQ(Step(2, {MakeUpdate(2, 1, 1, {1})}).drafts(0).outcome(),
            v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE);
}

TEST_F(DraftConversationTest, StepsCountUpByOne) {
  Greet();
  EXPECT_THAT(conversation_.Receive(MakeStep(2, {})), Violates("step.step"));
  Step(1, {});
  EXPECT_THAT(conversation_.Receive(MakeStep(1, {})), Violates("step.step"));
}

TEST_F(DraftConversationTest, TheModelLearnsTheStepsPrices) {
  Greet();
  v1::DraftRequest request = MakeStep(1, {MakeFirstUpdate(1, 1, 0, {1})});
  CHIMERA_ASSERT_OK(conversation_.Receive(request));
  EXPECT_FALSE(conversation_.inputs()[0].prices.known());
  request = MakeStep(2, {MakeUpdate(1, 1, 1, {2})});
  request.mutable_step()->set_token_seconds(0.5f);
  request.mutable_step()->set_node_seconds(0.25f);
  CHIMERA_ASSERT_OK(conversation_.Receive(request));
  EXPECT_EQ(conversation_.inputs()[0].prices.token_seconds, 0.5f);
  EXPECT_EQ(conversation_.inputs()[0].prices.node_seconds, 0.25f);
}

TEST_F(DraftConversationTest, PricesAreFiniteAndNotNegative) {
  for (const float price : {-1e-9f, std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    DraftConversation conversation(&target_, &model_, &capacity_);
    CHIMERA_ASSERT_OK(conversation.Receive(MakeHello()));
    v1::DraftRequest request = MakeStep(1, {});
    request.mutable_step()->set_token_seconds(price);
    EXPECT_THAT(conversation.Receive(request), Violates("step.token_seconds")) << price;
    request.mutable_step()->set_step(2);
    request.mutable_step()->set_token_seconds(0);
    request.mutable_step()->set_node_seconds(price);
    EXPECT_THAT(conversation.Receive(request), Violates("step.node_seconds")) << price;
  }
}

TEST_F(DraftConversationTest, AStepNamesEachSequenceOnceAndNotTooMany) {
  Greet();
  EXPECT_THAT(
      conversation_.Receive(MakeStep(1, {MakeFirstUpdate(1, 1, 0, {1}), MakeUpdate(1, 1, 1, {1})})),
      Violates("step.sequences[1].sequence_id"));
  const std::vector<v1::SequenceUpdate> many(DraftConversation::kMaxSequencesPerStep + 1);
  EXPECT_THAT(conversation_.Receive(MakeStep(2, many)), Violates("step.sequences"));
}

TEST_F(DraftConversationTest, AViolationNamesSequenceAndField) {
  Greet();
  v1::SequenceUpdate bad = MakeFirstUpdate(2, 1, 0, {1, 5000});
  EXPECT_THAT(conversation_.Receive(MakeStep(1, {MakeFirstUpdate(1, 1, 0, {1}), bad})),
              Violates("step.sequences[1].token_ids[1]"));
}

TEST_F(DraftConversationTest, ItsEndFreesItsSequences) {
  {
    DraftConversation other(&target_, &model_, &capacity_);
    CHIMERA_ASSERT_OK(other.Receive(MakeHello()));
    const v1::DraftRequest request = MakeStep(1, {MakeFirstUpdate(1, 1, 0, {1})});
    CHIMERA_ASSERT_OK(other.Receive(request));
    EXPECT_EQ(capacity_.held(), 1);
  }
  EXPECT_EQ(capacity_.held(), 0);
}

}  // namespace
}  // namespace chimera
