// How requests wait, are refused, and end early.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/rpc/channel.h"
#include "tests/verifier/service/service_fixture.h"
#include "tests/verifier/service/slow_channel.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int32_t kLong = 400;

v1::GenerateRequest NamedRequest(const std::string& id, int32_t max_tokens = kLong) {
  v1::GenerateRequest request = TextRequest(kPrompt, max_tokens);
  request.set_request_id(id);
  return request;
}

class LifeCycleTest : public ServiceFixture {
 protected:
  // One request runs, one waits; neither takes a step before the gate opens.
  void FillServer() {
    VerifierConfig config = Config();
    config.engine.max_running_requests = 1;
    config.engine.max_waiting_requests = 1;
    Start(config);
    gate_.Close();
    running_ = std::make_unique<GenerateCall>(stub_.get(), NamedRequest("running"));
    ASSERT_TRUE(WaitForLoad(1, 0));
    waiting_ = std::make_unique<GenerateCall>(stub_.get(), NamedRequest("waiting"));
    ASSERT_TRUE(WaitForLoad(1, 1));
  }

  std::unique_ptr<GenerateCall> running_;
  std::unique_ptr<GenerateCall> waiting_;
};

TEST_F(LifeCycleTest, AbortEndsARunningRequestWithinAStep) {
  Start(Config());
  gate_.Close();
  GenerateCall call(stub_.get(), NamedRequest("mine"));
  gate_.Allow(3);
  while (call.reply().token_ids.size() < 3) ASSERT_TRUE(call.ReadOne());
  CHIMERA_EXPECT_OK(Abort("mine"));
  // The one that waits at the gate; there is no other.
  gate_.Allow(1);
  const Reply& reply = call.Finish();
  EXPECT_THAT(reply.status,
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("the request was cancelled")));
  EXPECT_EQ(ReasonAndField(reply.status), "ABORTED");
  EXPECT_LE(reply.token_ids.size(), 4u);
  EXPECT_LE(gate_.steps(), 4);
  ExpectIdle();
  gate_.Open();
  CHIMERA_EXPECT_OK(Generate(NamedRequest("mine", 1)).status) << "its id is free again";
}

TEST_F(LifeCycleTest, AbortEndsAWaitingRequest) {
  FillServer();
  CHIMERA_EXPECT_OK(Abort("waiting"));
  gate_.Allow(1);
  EXPECT_THAT(waiting_->Finish().status, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_THAT(waiting_->reply().token_ids, SizeIs(0));
  gate_.Open();
  EXPECT_THAT(running_->Finish().token_ids, SizeIs(kLong));
  ExpectIdle();
}

TEST_F(LifeCycleTest, AbortNamesWhatItDoesNotFind) {
  Start(Config());
  CHIMERA_ASSERT_OK(Generate(NamedRequest("ended", 1)).status);
  for (const std::string& id :
       {std::string("ended"), std::string("never"), std::string(200, 'x')}) {
    const absl::Status status = Abort(id);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, "no request has the id " + id));
    EXPECT_EQ(ReasonAndField(status), "UNKNOWN_REQUEST request_id");
  }
  const absl::Status nameless = Abort("");
  EXPECT_THAT(nameless, StatusIs(absl::StatusCode::kInvalidArgument, "request_id is required"));
  EXPECT_EQ(ReasonAndField(nameless), "INVALID_FIELD request_id");
}

TEST_F(LifeCycleTest, RefusesASecondRequestOfTheSameId) {
  Start(Config());
  gate_.Close();
  GenerateCall first(stub_.get(), NamedRequest("mine", 20));
  ASSERT_TRUE(WaitForLoad(1, 0));
  const Reply second = Generate(NamedRequest("mine", 20));
  EXPECT_THAT(second.status, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("mine")));
  EXPECT_EQ(ReasonAndField(second.status), "DUPLICATE_REQUEST request_id");
  gate_.Open();
  EXPECT_THAT(first.Finish().token_ids, SizeIs(20));
  CHIMERA_EXPECT_OK(Generate(NamedRequest("mine", 1)).status);
}

TEST_F(LifeCycleTest, RefusesWhatDoesNotFitIntoTheQueue) {
  FillServer();
  for (int i = 0; i < 3; ++i) {
    const Reply refused = Generate(NamedRequest("refused"));
    EXPECT_THAT(refused.status,
                StatusIs(absl::StatusCode::kResourceExhausted,
                         AllOf(HasSubstr("the queue is full"), HasSubstr("1 requests wait"))));
    EXPECT_EQ(ReasonAndField(refused.status), "QUEUE_FULL");
    EXPECT_EQ(GetErrorDetail(refused.status)->retry_after_ms(), 1000);
  }
  gate_.Open();
  EXPECT_THAT(running_->Finish().token_ids, SizeIs(kLong));
  EXPECT_EQ(waiting_->Finish().token_ids, running_->reply().token_ids);
  CHIMERA_EXPECT_OK(Generate(NamedRequest("refused", 1)).status);
  ExpectIdle();
}

TEST_F(LifeCycleTest, AClientThatLeavesFreesItsPlace) {
  FillServer();
  waiting_->Cancel();
  EXPECT_THAT(waiting_->Finish().status, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  running_->Cancel();
  running_->Finish();
  // Steps are let through only as long as the news of the cancellation has not arrived.
  EXPECT_TRUE(Eventually([&] {
    gate_.Allow(1);
    return ServerInfo().running_requests() == 0;
  }));
  EXPECT_LT(gate_.steps(), kLong);
  ExpectIdle();
  gate_.Open();
  CHIMERA_EXPECT_OK(Generate(NamedRequest("running", 1)).status);
}

TEST_F(LifeCycleTest, ADeadlineFreesThePlace) {
  Start(Config());
  gate_.Close();
  GenerateCall call(stub_.get(), NamedRequest("late"), std::chrono::milliseconds(100));
  EXPECT_THAT(call.Finish().status, StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  EXPECT_TRUE(Eventually([&] {
    gate_.Allow(1);
    return ServerInfo().running_requests() == 0;
  }));
  EXPECT_LT(gate_.steps(), kLong);
  ExpectIdle();
}

TEST_F(LifeCycleTest, ALostConnectionFreesThePlace) {
  Start(Config());
  gate_.Close();
  {
    const auto stub = v1::GenerationService::NewStub(CreateChannel(SocketAddress("verifier")));
    GenerateCall call(stub.get(), NamedRequest("lost"));
    ASSERT_TRUE(WaitForLoad(1, 0));
  }
  EXPECT_TRUE(Eventually([&] {
    gate_.Allow(1);
    return ServerInfo().running_requests() == 0;
  }));
  EXPECT_LT(gate_.steps(), kLong);
  ExpectIdle();
}

// A reader that reads nothing holds up neither the engine nor other requests, and what waits for it
// is one message, however long the reply.
TEST_F(LifeCycleTest, ASlowReaderHoldsUpNobody) {
  Start(Config());
  const Reply expected = Generate(TextRequest(kPrompt, kLong));
  const auto slow_stub = v1::GenerationService::NewStub(SlowChannel(SocketAddress("verifier")));
  std::vector<std::unique_ptr<GenerateCall>> slow;
  slow.reserve(size_t{2} * kMaxRunning);
  for (int i = 0; i < 2 * kMaxRunning; ++i) {
    slow.push_back(std::make_unique<GenerateCall>(slow_stub.get(), TextRequest(kPrompt, kLong)));
  }
  // All have begun once each has read a message.
  for (const auto& call : slow) ASSERT_TRUE(call->ReadOne());
  ExpectIdle();
  EXPECT_EQ(Generate(TextRequest(kPrompt, kLong)).token_ids, expected.token_ids);

  for (const auto& call : slow) {
    const Reply& reply = call->Finish();
    CHIMERA_EXPECT_OK(reply.status);
    EXPECT_EQ(reply.token_ids, expected.token_ids);
    EXPECT_EQ(reply.text, expected.text);
    EXPECT_LT(reply.chunks.size(), reply.token_ids.size() / 2);
  }
}

// Whatever the timing of ends, aborts and cancellations, every call ends and nothing is left
// behind.
TEST_F(LifeCycleTest, SurvivesEveryTimingOfEnds) {
  VerifierConfig config = Config();
  config.engine.max_waiting_requests = 4;
  Start(config);
  constexpr int kClients = 6;
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([this, client] {
      std::mt19937 random(client);
      for (int i = 0; i < 40; ++i) {
        // Ids clash on purpose.
        const std::string id = "request-" + std::to_string(random() % 8);
        const int32_t tokens = 1 + static_cast<int32_t>(random() % 30);
        GenerateCall call(stub_.get(), NamedRequest(id, tokens));
        const int read = static_cast<int>(random() % 4);
        for (int k = 0; k < read; ++k) call.ReadOne();
        if (random() % 3 == 0) Abort(id).IgnoreError();
        if (random() % 3 == 0) call.Cancel();
        const Reply& reply = call.Finish();
        EXPECT_TRUE(!reply.status.ok() || reply.token_ids.size() == static_cast<size_t>(tokens));
        EXPECT_NE(reply.status.code(), absl::StatusCode::kDeadlineExceeded);
        EXPECT_NE(reply.status.code(), absl::StatusCode::kInternal) << reply.status;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  ExpectIdle();
  EXPECT_THAT(Generate(NamedRequest("request-0", 30)).token_ids, SizeIs(30));
}

}  // namespace
}  // namespace chimera::testing
