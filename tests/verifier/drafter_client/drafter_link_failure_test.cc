#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
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
using ::chimera::testing::ReadOn;
using ::chimera::testing::Script;
using ::chimera::testing::State;
using ::chimera::testing::ValidReady;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

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

TEST_F(DrafterLinkFailureTest, AnEndlessReasonIsCut) {
  StartDrafter([](DraftStream& stream) {
    v1::DraftRequest hello;
    stream.Read(&hello);
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, std::string(4000, 'r'));
  });
  StartLink();
  ASSERT_TRUE(WaitForState(State::kRefused));
  EXPECT_EQ(link_->Status().detail, "FAILED_PRECONDITION: " + std::string(1024, 'r'));
}

TEST_F(DrafterLinkFailureTest, RestartEndsTheSessionAndConnectsAnew) {
  StartDrafter(AfterHandshake(ValidReady(), ReadOn));
  StartLink();
  const int64_t session = WaitForSession();
  const int64_t step = SendStep(session);
  link_->Restart(session + 1, "another session");
  EXPECT_TRUE(link_->Session().has_value());
  link_->Restart(session, "it sleeps");
  EXPECT_TRUE(link_->HasAnswered(step));
  EXPECT_FALSE(Wait(step).has_value());
  EXPECT_EQ(link_->Status().drafts_discarded, 1);
  EXPECT_TRUE(WaitForFailure("DEADLINE_EXCEEDED: it sleeps"));
  EXPECT_NE(WaitForSession(session), 0);
  EXPECT_EQ(link_->Status().connects, 2);
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

TEST_F(DrafterLinkFailureTest, AStreamThatTheDrafterClosesIsOpenedAgain) {
  StartDrafter(AfterHandshake(ValidReady(), [](DraftStream&) { return grpc::Status::OK; }));
  StartLink();
  EXPECT_TRUE(WaitForFailure("it closed the link"));
  EXPECT_TRUE(Eventually([&] { return drafter_->streams() >= 3; }));
}

}  // namespace
}  // namespace chimera
