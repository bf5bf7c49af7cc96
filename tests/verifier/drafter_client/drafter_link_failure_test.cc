#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/verifier/drafter_client/link_fixture.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"
#include "verifier/drafter_client/drafter_link.h"

namespace chimera {
namespace {

using ::chimera::testing::AfterHandshake;
using ::chimera::testing::AnswerSteps;
using ::chimera::testing::DraftStream;
using ::chimera::testing::Eventually;
using ::chimera::testing::ReplyTo;
using ::chimera::testing::Script;
using ::chimera::testing::State;
using ::chimera::testing::ValidReady;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

// Reads on until the stream ends.
grpc::Status ReadOn(DraftStream& stream) {
  v1::DraftRequest request;
  while (stream.Read(&request)) {
  }
  return grpc::Status::OK;
}

class DrafterLinkFailureTest : public testing::LinkTest {};

TEST_F(DrafterLinkFailureTest, FindsADrafterThatStartsLater) {
  StartLink();
  ASSERT_TRUE(WaitForFailure("UNAVAILABLE"));
  EXPECT_NE(link_->Status().state, State::kReady);
  EXPECT_FALSE(link_->Session().has_value());
  EXPECT_EQ(SendStep(1), 0);
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  EXPECT_NE(WaitForSession(), 0);
}

TEST_F(DrafterLinkFailureTest, ComesBackAfterTheDrafterDied) {
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  StartLink();
  const int64_t old_session = WaitForSession();
  const int64_t old_step = SendStep(old_session);
  drafter_.reset();
  ASSERT_TRUE(Eventually([&] { return !link_->Session().has_value(); }));
  EXPECT_TRUE(link_->HasAnswered(old_step));
  EXPECT_EQ(SendStep(old_session), 0);
  link_->Close(old_session, std::vector<int64_t>{1});

  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  const int64_t session = WaitForSession(old_session);
  ASSERT_NE(session, 0);
  EXPECT_EQ(link_->Status().connects, 2);
  EXPECT_EQ(SendStep(old_session), 0);
  const int64_t step = SendStep(session);
  EXPECT_FALSE(link_->WaitReply(old_step, steady_clock::now()).has_value());
  EXPECT_TRUE(Wait(step).has_value());
}

TEST_F(DrafterLinkFailureTest, WaitReplyReturnsWhenTheSessionEnds) {
  StartDrafter(AfterHandshake(ValidReady(), [](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    return grpc::Status(grpc::StatusCode::INTERNAL, "dies in the middle of a step");
  }));
  StartLink();
  const int64_t step = SendStep(WaitForSession());
  ASSERT_GT(step, 0);
  const auto start = steady_clock::now();
  EXPECT_FALSE(Wait(step).has_value());
  EXPECT_LT(steady_clock::now() - start, testing::kEventuallyTimeout / 2);
  EXPECT_TRUE(WaitForFailure("INTERNAL: dies in the middle of a step"));
}

TEST_F(DrafterLinkFailureTest, AcceptsADrafterThatItRefusedBefore) {
  v1::DraftResponse ready = ValidReady();
  ready.mutable_ready()->mutable_fingerprint()->set_identity("another");
  StartDrafter(AfterHandshake(ready, ReadOn));
  StartLink();
  ASSERT_TRUE(WaitForState(State::kRefused));
  EXPECT_THAT(link_->Status().detail, HasSubstr("another"));
  EXPECT_FALSE(link_->Session().has_value());
  // Asked again, and still shown as refused.
  ASSERT_TRUE(Eventually([&] { return drafter_->streams() >= 3; }));
  EXPECT_EQ(link_->Status().state, State::kRefused);
  EXPECT_EQ(link_->Status().connects, 0);

  drafter_.reset();
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  EXPECT_NE(WaitForSession(), 0);
}

TEST_F(DrafterLinkFailureTest, IsRefusedByTheDrafter) {
  StartDrafter([](DraftStream& stream) {
    v1::DraftRequest hello;
    stream.Read(&hello);
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "protocol 7 only");
  });
  StartLink();
  ASSERT_TRUE(WaitForState(State::kRefused));
  EXPECT_THAT(link_->Status().detail, HasSubstr("protocol 7 only"));
}

TEST_F(DrafterLinkFailureTest, ShowsOtherWeightsThatItWasToldToAllow) {
  v1::DraftResponse ready = ValidReady();
  ready.mutable_ready()->mutable_fingerprint()->set_weights("others");
  StartDrafter(AfterHandshake(ready, AnswerSteps));
  StartLink();
  EXPECT_TRUE(WaitForState(State::kRefused));
  link_.reset();
  DrafterLinkConfig config = Config();
  config.other_weights = OtherWeights::kAllow;
  StartLink(config);
  EXPECT_NE(WaitForSession(), 0);
  EXPECT_TRUE(link_->Status().other_weights);
}

// A server that accepts connections and never says a word.
class SilentPeerTest : public DrafterLinkFailureTest {
 protected:
  SilentPeerTest() : socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, address_.unix_path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
  }
  ~SilentPeerTest() override { close(socket_); }

  const int socket_;
};

TEST_F(SilentPeerTest, IsGivenUpAfterTheHandshakeTimeout) {
  DrafterLinkConfig config = Config();
  config.handshake_timeout = milliseconds(20);
  StartLink(config);
  EXPECT_TRUE(WaitForFailure("no answer within 20 ms"));
}

TEST_F(SilentPeerTest, DestructionWhileConnectingDoesNotWait) {
  DrafterLinkConfig config = Config();
  config.handshake_timeout = std::chrono::hours(1);
  StartLink(config);
  ASSERT_TRUE(WaitForState(State::kConnecting));
  const auto start = steady_clock::now();
  link_.reset();
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(DrafterLinkFailureTest, DestructionWhileWaitingToRetryDoesNotWait) {
  DrafterLinkConfig config = Config();
  config.backoff = {.shortest = std::chrono::hours(1), .longest = std::chrono::hours(1)};
  StartLink(config);
  ASSERT_TRUE(WaitForFailure("UNAVAILABLE"));
  const auto start = steady_clock::now();
  link_.reset();
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(DrafterLinkFailureTest, DestructionWithUnansweredStepsDoesNotWait) {
  StartDrafter(AfterHandshake(ValidReady(), ReadOn));
  StartLink();
  const int64_t session = WaitForSession();
  for (int i = 0; i < 50; ++i) SendStep(session);
  const auto start = steady_clock::now();
  link_.reset();
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(DrafterLinkFailureTest, DestructionAtAnyMomentIsClean) {
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  for (int i = 0; i < 100; ++i) {
    StartLink();
    if (i % 2 == 1) SendStep(WaitForSession());
    link_.reset();
  }
}

// What a drafter must not do after the handshake, or in place of it.
struct Violation {
  std::string detail;
  bool after_handshake;
  std::function<void(const v1::StepRequest& step, DraftStream& stream)> act;
};

void PrintTo(const Violation& violation, std::ostream* stream) { *stream << violation.detail; }

class ViolationTest : public testing::LinkTest, public ::testing::WithParamInterface<Violation> {};

TEST_P(ViolationTest, EndsTheSessionAndNothingElse) {
  const Script break_rules = [](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    GetParam().act(request.step(), stream);
    return ReadOn(stream);
  };
  StartDrafter(GetParam().after_handshake ? AfterHandshake(ValidReady(), break_rules)
                                          : break_rules);
  StartLink();
  if (GetParam().after_handshake) {
    const int64_t step = SendStep(WaitForSession());
    ASSERT_GT(step, 0);
    EXPECT_FALSE(Wait(step).has_value());
  }
  EXPECT_TRUE(WaitForFailure(GetParam().detail)) << link_->Status().detail;
  EXPECT_TRUE(Eventually([&] { return drafter_->streams() >= 2; }));

  drafter_.reset();
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  ASSERT_TRUE(Eventually([&] {
    const int64_t session = WaitForSession();
    const int64_t step = SendStep(session);
    return step != 0 && Wait(step).has_value();
  }));
}

v1::DraftResponse Reply(const v1::StepRequest& step,
                        const std::function<void(v1::StepReply&)>& change) {
  v1::DraftResponse response = ReplyTo(step);
  change(*response.mutable_reply());
  return response;
}

INSTANTIATE_TEST_SUITE_P(
    All, ViolationTest,
    ::testing::Values(
        Violation{"first message is no Ready", false,
                  [](auto& step, auto& stream) { stream.Write(ReplyTo(step)); }},
        Violation{"first message is no Ready", false,
                  [](auto&, auto& stream) { stream.Write(v1::DraftResponse()); }},
        Violation{"no reply", true, [](auto&, auto& stream) { stream.Write(ValidReady()); }},
        Violation{"no reply", true, [](auto&, auto& stream) { stream.Write(v1::DraftResponse()); }},
        Violation{"reply to step 2 while 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) { reply.set_step(2); }));
                  }},
        Violation{"reply to step 0 while 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) { reply.set_step(0); }));
                  }},
        Violation{"asked for 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) {
                      reply.add_drafts()->set_outcome(v1::DRAFT_OUTCOME_DRAFTED);
                    }));
                  }},
        Violation{"asked for 1", true,
                  [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) { reply.clear_drafts(); }));
                  }},
        Violation{"unknown outcome", true, [](auto& step, auto& stream) {
                    stream.Write(Reply(step, [](auto& reply) {
                      reply.mutable_drafts(0)->set_outcome(static_cast<v1::DraftOutcome>(99));
                    }));
                  }}));

TEST_F(DrafterLinkFailureTest, ASecondReplyToAStepEndsTheSession) {
  StartDrafter(AfterHandshake(ValidReady(), [](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    stream.Write(ReplyTo(request.step()));
    stream.Write(ReplyTo(request.step()));
    return ReadOn(stream);
  }));
  StartLink();
  ASSERT_GT(SendStep(WaitForSession()), 0);
  EXPECT_TRUE(WaitForFailure("reply to step 1 while none"));
}

TEST_F(DrafterLinkFailureTest, AStreamThatTheDrafterClosesIsOpenedAgain) {
  StartDrafter(AfterHandshake(ValidReady(), [](DraftStream&) { return grpc::Status::OK; }));
  StartLink();
  EXPECT_TRUE(WaitForFailure("it closed the link"));
  EXPECT_TRUE(Eventually([&] { return drafter_->streams() >= 3; }));
}

}  // namespace
}  // namespace chimera
