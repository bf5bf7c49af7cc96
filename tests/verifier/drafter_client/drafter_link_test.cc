#include "verifier/drafter_client/drafter_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/verifier/drafter_client/link_fixture.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"

namespace chimera {
namespace {

using ::chimera::testing::AfterHandshake;
using ::chimera::testing::AnswerSteps;
using ::chimera::testing::Ask;
using ::chimera::testing::DraftStream;
using ::chimera::testing::Eventually;
using ::chimera::testing::ReplyTo;
using ::chimera::testing::State;
using ::chimera::testing::ValidReady;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

class DrafterLinkTest : public testing::LinkTest {};

TEST_F(DrafterLinkTest, IntroducesTheTargetAndReportsTheDrafter) {
  std::promise<v1::DraftRequest> first;
  v1::DraftResponse ready = ValidReady();
  ready.mutable_ready()->add_tapped_layers(2);
  ready.mutable_ready()->add_tapped_layers(5);
  StartDrafter([&](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    first.set_value(request);
    stream.Write(ready);
    return AnswerSteps(stream);
  });
  StartLink();

  const v1::DraftRequest hello = first.get_future().get();
  EXPECT_EQ(hello.hello().protocol_version(), 1);
  EXPECT_EQ(hello.hello().fingerprint().identity(), "model");
  ASSERT_NE(WaitForSession(), 0);
  const DraftSession session = link_->Session().value();
  EXPECT_THAT(session.tapped_layers, ElementsAre(2, 5));
  EXPECT_EQ(session.context_window, 128);
  EXPECT_EQ(session.max_sequences, 16);
  EXPECT_EQ(session.max_nodes, 32);
  const DraftSourceStatus status = link_->Status();
  EXPECT_EQ(status.address, "test");
  EXPECT_EQ(status.state, State::kReady);
  EXPECT_EQ(status.name, "scripted");
  EXPECT_EQ(status.detail, "");
  EXPECT_FALSE(status.other_weights);
  EXPECT_EQ(status.connects, 1);
}

TEST_F(DrafterLinkTest, AnEndlessNameIsCut) {
  v1::DraftResponse ready = ValidReady();
  ready.mutable_ready()->set_name(std::string(1 << 20, 'n'));
  StartDrafter(AfterHandshake(ready, AnswerSteps));
  StartLink();
  ASSERT_NE(WaitForSession(), 0);
  EXPECT_EQ(link_->Status().name, std::string(256, 'n'));
}

TEST_F(DrafterLinkTest, WorksInProcess) {
  struct Service final : v1::DrafterService::Service {
    grpc::Status Draft(grpc::ServerContext*, DraftStream* stream) override {
      return AfterHandshake(ValidReady(), AnswerSteps)(*stream);
    }
  } service;
  ServerRunner runner({});
  runner.AddService(&service, v1::DrafterService::service_full_name());
  ASSERT_TRUE(runner.Start().ok());
  link_ = std::make_unique<DrafterLink>(
      Config(), [&] { return runner.InProcessChannel(); }, metrics_.links[0]);
  const int64_t session = WaitForSession();
  ASSERT_NE(session, 0);
  EXPECT_TRUE(Wait(SendStep(session)).has_value());
  link_.reset();
}

TEST_F(DrafterLinkTest, CarriesStepsAndReplies) {
  StartDrafter(AfterHandshake(ValidReady(), AnswerSteps));
  StartLink();
  const int64_t session = WaitForSession();
  const std::vector<int32_t> token_ids = {3, 4};
  for (int i = 0; i < 100; ++i) {
    std::vector<DraftUpdate> updates = {Ask(1), Ask(2), Ask(3)};
    updates[0].start_position = 10 + i;
    updates[0].token_ids = token_ids;
    updates[1].node_budget = 0;
    const int64_t step = link_->Send(session, updates, {}).step;
    ASSERT_GT(step, 0);
    const auto drafts = Wait(step);
    ASSERT_TRUE(drafts.has_value());
    ASSERT_EQ(drafts->size(), 2u);
    EXPECT_EQ((*drafts)[0].sequence_id, 1);
    EXPECT_EQ((*drafts)[0].root_position, 11 + i);
    EXPECT_THAT((*drafts)[0].token_ids, ElementsAre(7));
    EXPECT_EQ((*drafts)[1].sequence_id, 3);
  }
}

TEST_F(DrafterLinkTest, DropsAndCountsALateReply) {
  std::promise<void> given_up;
  StartDrafter(AfterHandshake(ValidReady(), [&](DraftStream& stream) {
    v1::DraftRequest request;
    stream.Read(&request);
    given_up.get_future().wait();
    stream.Write(ReplyTo(request.step()));
    return AnswerSteps(stream);
  }));
  StartLink();
  const int64_t session = WaitForSession();
  const int64_t late = SendStep(session);
  EXPECT_FALSE(link_->WaitReply(late, steady_clock::now()).has_value());
  EXPECT_FALSE(link_->HasAnswered(late));
  given_up.set_value();
  EXPECT_TRUE(Eventually([&] { return link_->HasAnswered(late); }));

  EXPECT_TRUE(Wait(SendStep(session)).has_value());
  EXPECT_FALSE(link_->WaitReply(late, steady_clock::now()).has_value());
  EXPECT_EQ(link_->Status().drafts_discarded, 1);
  EXPECT_EQ(link_->Session()->id, session);
}

TEST_F(DrafterLinkTest, CountsWhatBecameOfDrafts) {
  StartLink();
  link_->CountDraft(true);
  link_->CountDraft(true);
  link_->CountDraft(false);
  EXPECT_EQ(link_->Status().drafts_used, 2);
  EXPECT_EQ(link_->Status().drafts_discarded, 1);
}

TEST_F(DrafterLinkTest, TheQueueIsFullWhenTooManyStepsAreUnanswered) {
  std::promise<void> go_on;
  StartDrafter(AfterHandshake(ValidReady(), [&](DraftStream& stream) {
    go_on.get_future().wait();
    return AnswerSteps(stream);
  }));
  DrafterLinkConfig config = Config();
  config.max_unanswered_steps = 4;
  StartLink(config);
  const int64_t session = WaitForSession();
  int64_t last = 0;
  for (int i = 0; i < 4; ++i) {
    last = SendStep(session);
    EXPECT_GT(last, 0);
  }
  const DraftUpdate update = Ask(1);
  EXPECT_EQ(link_->Send(session, {&update, 1}, {}).outcome, SendResult::Outcome::kQueueFull);
  EXPECT_EQ(link_->Send(session + 1, {&update, 1}, {}).outcome, SendResult::Outcome::kSessionEnded);
  go_on.set_value();
  EXPECT_TRUE(Wait(last).has_value());
  EXPECT_TRUE(Wait(SendStep(session)).has_value());
  EXPECT_EQ(link_->Session()->id, session);
}

// Hidden states that fill gRPC's and the kernel's buffers, so that writes wait.
TEST_F(DrafterLinkTest, TheQueueIsFullWhenTooManyBytesWaitAndSendNeverBlocks) {
  v1::DraftResponse ready = ValidReady();
  ready.mutable_ready()->add_tapped_layers(1);
  std::promise<void> go_on;
  StartDrafter(AfterHandshake(ready, [&](DraftStream& stream) {
    go_on.get_future().wait();
    return AnswerSteps(stream);
  }));
  DrafterLinkConfig config = Config();
  config.max_queued_bytes = 4 << 20;
  StartLink(config);
  const int64_t session = WaitForSession();
  const std::vector<uint16_t> hidden_states(kMaxStepBytes / 2 - 128);
  DraftUpdate update = Ask(1);
  update.hidden_states = hidden_states;
  int64_t last = 0;
  int sent = 0;
  for (int64_t step = -1; step != 0 && sent < 200; ++sent) {
    step = link_->Send(session, {&update, 1}, {}).step;
    if (step != 0) last = step;
  }
  EXPECT_LT(sent, 200);
  go_on.set_value();
  EXPECT_TRUE(Wait(last).has_value());
  EXPECT_EQ(link_->Session()->id, session);
}

TEST_F(DrafterLinkTest, CloseReachesTheDrafterInOrder) {
  std::vector<int64_t> closed;
  std::atomic<bool> done = false;
  std::promise<void> go_on;
  StartDrafter(AfterHandshake(ValidReady(), [&](DraftStream& stream) {
    go_on.get_future().wait();
    v1::DraftRequest request;
    while (closed.size() < 100 && stream.Read(&request)) {
      closed.insert(closed.end(), request.close().sequence_ids().begin(),
                    request.close().sequence_ids().end());
    }
    done = true;
    return AnswerSteps(stream);
  }));
  StartLink();
  const int64_t session = WaitForSession();
  std::vector<int64_t> expected;
  link_->Close(session + 1, std::vector<int64_t>{-1});
  link_->Close(session, {});
  for (int64_t id = 0; id < 100; ++id) {
    link_->Close(session, {&id, 1});
    expected.push_back(id);
  }
  go_on.set_value();
  ASSERT_TRUE(Eventually([&] { return done.load(); }));
  EXPECT_THAT(closed, ElementsAreArray(expected));
}

}  // namespace
}  // namespace chimera
