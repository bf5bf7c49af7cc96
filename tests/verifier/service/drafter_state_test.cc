// What becomes of drafters that fit, do not fit, or are not there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/proto_conversion.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"
#include "tests/verifier/service/service_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int32_t kTokens = 60;

// Answers each step with a chain of what really follows in `sequence`.
Script TrueContinuation(std::vector<int32_t> sequence) {
  return [sequence = std::move(sequence)](DraftStream& stream) {
    v1::DraftRequest request;
    while (stream.Read(&request)) {
      if (!request.has_step()) continue;
      v1::DraftResponse response = ReplyTo(request.step());
      for (v1::SequenceDraft& draft : *response.mutable_reply()->mutable_drafts()) {
        draft.clear_tree();
        const int32_t root = draft.root_position();
        for (int32_t depth = 1; depth <= 4; ++depth) {
          if (root + depth >= static_cast<int32_t>(sequence.size())) break;
          draft.mutable_tree()->add_token_ids(sequence[root + depth]);
          draft.mutable_tree()->add_parents(depth - 1);
          draft.mutable_tree()->add_path_probabilities(0.9f);
          draft.mutable_tree()->add_sources(v1::CANDIDATE_SOURCE_NETWORK);
        }
      }
      if (!stream.Write(response)) break;
    }
    return grpc::Status::OK;
  };
}

class DrafterStateTest : public ServiceFixture {
 protected:
  // A Ready of a drafter made for the served model.
  v1::DraftResponse FittingReady() const {
    v1::DraftResponse ready = ValidReady();
    ToProto(model_->fingerprint(), ready.mutable_ready()->mutable_fingerprint());
    return ready;
  }

  void StartVerifier(OtherWeights other_weights = OtherWeights::kRefuse) {
    VerifierConfig config = Config();
    config.drafter_addresses = {drafter_address_};
    config.other_weights = other_weights;
    Start(config);
  }

  void StartDrafter(Script script) {
    drafter_ = std::make_unique<ScriptedDrafter>(drafter_address_, std::move(script));
  }

  // Waits until the drafter is in `state`, and returns what the server says of it.
  v1::DrafterInfo WaitForState(v1::DrafterState state) {
    v1::DrafterInfo info;
    EXPECT_TRUE(Eventually([&] {
      info = ServerInfo().drafters(0);
      return info.state() == state;
    })) << info.ShortDebugString();
    return info;
  }

  // Expects the reply that there is without any drafter, by plain decoding.
  void ExpectServedPlainly() {
    const Reply reply = Generate(TextRequest(kPrompt, kTokens));
    CHIMERA_EXPECT_OK(reply.status);
    EXPECT_THAT(reply.token_ids, SizeIs(kTokens));
    EXPECT_EQ(reply.complete.speculation().steps(), kTokens - 1);
    EXPECT_EQ(reply.complete.speculation().draft_nodes(), 0);
  }

  const Address drafter_address_ = SocketAddress("drafter");
  std::unique_ptr<ScriptedDrafter> drafter_;
};

// Both lists count every candidate of the reply once.
void ExpectCountsAllCandidates(const v1::SpeculationStats& stats) {
  int64_t verified = 0;
  int64_t accepted = 0;
  for (const v1::CandidateCount& count : stats.candidates().by_depth()) {
    verified += count.verified();
    accepted += count.accepted();
  }
  EXPECT_EQ(verified, stats.draft_nodes());
  EXPECT_EQ(accepted, stats.accepted_draft_tokens());
  for (const v1::SourceCount& source : stats.candidates().by_source()) {
    EXPECT_NE(source.source(), v1::CANDIDATE_SOURCE_UNSPECIFIED);
    verified -= source.count().verified();
    accepted -= source.count().accepted();
  }
  EXPECT_EQ(verified, 0);
  EXPECT_EQ(accepted, 0);
}

TEST_F(DrafterStateTest, OneThatFitsSpeedsUpAndIsCounted) {
  Start(Config());
  const Reply plain = Generate(TextRequest(kPrompt, kTokens));
  std::vector<int32_t> sequence = Tokenize(kPrompt);
  sequence.insert(sequence.end(), plain.token_ids.begin(), plain.token_ids.end());
  verifier_.reset();

  StartDrafter(AfterHandshake(FittingReady(), TrueContinuation(sequence)));
  StartVerifier();
  v1::DrafterInfo info = WaitForState(v1::DRAFTER_STATE_READY);
  EXPECT_EQ(info.address(), drafter_address_.ToString());
  EXPECT_EQ(info.name(), "scripted");
  EXPECT_EQ(info.detail(), "");
  EXPECT_FALSE(info.other_weights());
  EXPECT_EQ(info.connects(), 1);
  EXPECT_EQ(info.drafts_used(), 0);

  const Reply fast = Generate(TextRequest(kPrompt, kTokens));
  CHIMERA_ASSERT_OK(fast.status);
  EXPECT_EQ(fast.token_ids, plain.token_ids);
  EXPECT_EQ(fast.text, plain.text);
  const v1::SpeculationStats& stats = fast.complete.speculation();
  // Four candidates and the bonus token a step.
  EXPECT_LE(stats.steps(), (kTokens - 1) / 5 + 1);
  // Every token after the first is an accepted candidate or a bonus token, of which the last step
  // may have had none.
  EXPECT_GE(stats.accepted_draft_tokens() + stats.steps(), kTokens - 1);
  EXPECT_LE(stats.accepted_draft_tokens() + stats.steps(), kTokens);
  EXPECT_LE(stats.accepted_draft_tokens(), stats.draft_nodes());
  EXPECT_LE(stats.draft_nodes(), 4 * stats.steps());
  ExpectCountsAllCandidates(stats);
  EXPECT_EQ(stats.candidates().by_depth_size(), 4);
  const v1::SpeculationInfo speculation = ServerInfo().speculation();
  EXPECT_TRUE(speculation.drafting());
  EXPECT_EQ(speculation.candidates().SerializeAsString(), stats.candidates().SerializeAsString());
  info = ServerInfo().drafters(0);
  EXPECT_GE(info.drafts_used(), stats.steps() - 1);
  EXPECT_EQ(info.drafts_discarded(), 0);
}

TEST_F(DrafterStateTest, ARequestSaysWhetherAndHowFarToSpeculate) {
  StartDrafter(AfterHandshake(FittingReady(), AnswerSteps));
  StartVerifier();
  WaitForState(v1::DRAFTER_STATE_READY);
  v1::GenerateRequest request = TextRequest(kPrompt, kTokens);
  request.mutable_speculation()->set_mode(v1::SPECULATION_MODE_AUTO);
  request.mutable_speculation()->set_max_nodes(1);
  request.mutable_speculation()->set_max_depth(1);
  const Reply speculated = Generate(request);
  CHIMERA_ASSERT_OK(speculated.status);
  EXPECT_GT(speculated.complete.speculation().draft_nodes(), 0);
  EXPECT_LE(speculated.complete.speculation().draft_nodes(),
            speculated.complete.speculation().steps());
  request.mutable_speculation()->set_mode(v1::SPECULATION_MODE_OFF);
  const Reply plain = Generate(request);
  EXPECT_EQ(plain.token_ids, speculated.token_ids);
  EXPECT_EQ(plain.complete.speculation().draft_nodes(), 0);
}

TEST_F(DrafterStateTest, OneThatStartsLaterIsFound) {
  StartVerifier();
  EXPECT_TRUE(Eventually([&] { return !ServerInfo().drafters(0).detail().empty(); }));
  const v1::DrafterInfo info = ServerInfo().drafters(0);
  EXPECT_NE(info.state(), v1::DRAFTER_STATE_READY);
  EXPECT_EQ(info.address(), drafter_address_.ToString());
  EXPECT_EQ(info.name(), "");
  EXPECT_EQ(info.connects(), 0);
  ExpectServedPlainly();

  StartDrafter(AfterHandshake(FittingReady(), AnswerSteps));
  EXPECT_EQ(WaitForState(v1::DRAFTER_STATE_READY).connects(), 1);
  EXPECT_GT(Generate(TextRequest(kPrompt, kTokens)).complete.speculation().draft_nodes(), 0);

  drafter_.reset();
  EXPECT_NE(WaitForState(v1::DRAFTER_STATE_DISCONNECTED).detail(), "");
  ExpectServedPlainly();
}

TEST_F(DrafterStateTest, OneForAnotherModelIsRefusedInTheOpen) {
  v1::DraftResponse ready = FittingReady();
  ready.mutable_ready()->mutable_fingerprint()->set_identity("another");
  StartDrafter(AfterHandshake(ready, AnswerSteps));
  StartVerifier(OtherWeights::kAllow);
  const v1::DrafterInfo info = WaitForState(v1::DRAFTER_STATE_REFUSED);
  EXPECT_THAT(info.detail(), AllOf(HasSubstr("made for another model: identity another"),
                                   HasSubstr(model_->fingerprint().identity)));
  EXPECT_EQ(info.connects(), 0);
  ExpectServedPlainly();
}

TEST_F(DrafterStateTest, OneForOtherWeightsIsServedOnlyIfAllowed) {
  v1::DraftResponse ready = FittingReady();
  ready.mutable_ready()->mutable_fingerprint()->set_weights("others");
  StartDrafter(AfterHandshake(ready, AnswerSteps));
  StartVerifier();
  EXPECT_THAT(WaitForState(v1::DRAFTER_STATE_REFUSED).detail(),
              HasSubstr("made for other weights of this model: others"));
  ExpectServedPlainly();

  verifier_.reset();
  StartVerifier(OtherWeights::kAllow);
  EXPECT_TRUE(WaitForState(v1::DRAFTER_STATE_READY).other_weights());
}

// Text from a drafter is untrusted: it must not make the server's own answer unreadable.
TEST_F(DrafterStateTest, ARefusalThatIsNotUtf8DoesNoHarm) {
  StartDrafter([](DraftStream&) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no \xff\xc3");
  });
  StartVerifier();
  EXPECT_THAT(WaitForState(v1::DRAFTER_STATE_REFUSED).detail(), HasSubstr("no \uFFFD\uFFFD"));
  ExpectServedPlainly();
}

TEST_F(DrafterStateTest, EveryDrafterIsListed) {
  VerifierConfig config = Config();
  config.drafter_addresses = {SocketAddress("absent"), drafter_address_};
  StartDrafter(AfterHandshake(FittingReady(), AnswerSteps));
  Start(config);
  EXPECT_TRUE(
      Eventually([&] { return ServerInfo().drafters(1).state() == v1::DRAFTER_STATE_READY; }));
  const v1::GetServerInfoResponse info = ServerInfo();
  ASSERT_EQ(info.drafters_size(), 2);
  EXPECT_EQ(info.drafters(0).address(), SocketAddress("absent").ToString());
  EXPECT_NE(info.drafters(0).state(), v1::DRAFTER_STATE_READY);
  EXPECT_GT(Generate(TextRequest(kPrompt, kTokens)).complete.speculation().draft_nodes(), 0);
}

}  // namespace
}  // namespace chimera::testing
