// Replies that nobody reads are held, but not without limit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/rpc/channel.h"
#include "tests/verifier/service/service_fixture.h"
#include "tests/verifier/service/slow_channel.h"
#include "verifier/service/open_calls.h"

namespace chimera::testing {
namespace {

constexpr int32_t kUnreadTokens = 40;
constexpr size_t kTooMany = 3;

class FakeCall final : public OpenCall {
 public:
  void GiveUp() override { ++times_given_up; }
  int times_given_up = 0;
};

TEST(OpenCallsTest, GivesUpTheOneThatHasWaitedLongest) {
  OpenCalls calls;
  std::vector<std::shared_ptr<FakeCall>> unread;
  for (size_t i = 0; i < OpenCalls::kMaxUnread + 1; ++i) {
    EXPECT_EQ(unread.empty() ? 0 : unread[0]->times_given_up, 0);
    unread.push_back(std::make_shared<FakeCall>());
    calls.Add();
    calls.AddUnread(unread.back());
  }
  EXPECT_EQ(unread[0]->times_given_up, 1);
  // Its end, and one that is read, make room.
  calls.Remove(unread[0].get());
  calls.Remove(unread[2].get());
  for (int i = 0; i < 2; ++i) {
    unread.push_back(std::make_shared<FakeCall>());
    calls.Add();
    calls.AddUnread(unread.back());
  }
  EXPECT_EQ(unread[0]->times_given_up, 1);
  EXPECT_EQ(unread[1]->times_given_up, 1);
  for (size_t i = 2; i < unread.size(); ++i) EXPECT_EQ(unread[i]->times_given_up, 0) << i;
  EXPECT_EQ(unread[2].use_count(), 1) << "held although it was removed";
}

using UnreadRepliesTest = ServiceFixture;

TEST_F(UnreadRepliesTest, AreHeldUpToALimit) {
  VerifierConfig config = Config();
  config.engine.max_waiting_requests = OpenCalls::kMaxUnread + kTooMany;
  Start(config);
  const Reply expected = Generate(TextRequest("the rain", kUnreadTokens));
  CHIMERA_ASSERT_OK(expected.status);
  const auto slow_stub = v1::GenerationService::NewStub(SlowChannel(SocketAddress("verifier")));
  std::vector<std::unique_ptr<GenerateCall>> calls;
  for (size_t i = 0; i < OpenCalls::kMaxUnread + kTooMany; ++i) {
    calls.push_back(
        std::make_unique<GenerateCall>(slow_stub.get(), TextRequest("the rain", kUnreadTokens)));
  }
  for (const auto& call : calls) ASSERT_TRUE(call->ReadOne());
  ExpectIdle();

  size_t given_up = 0;
  for (const auto& call : calls) {
    const Reply& reply = call->Finish();
    if (reply.status.ok()) {
      EXPECT_EQ(reply.token_ids, expected.token_ids);
    } else {
      EXPECT_THAT(reply.status, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
      ++given_up;
    }
  }
  EXPECT_EQ(given_up, kTooMany);
  CHIMERA_EXPECT_OK(Generate(TextRequest("the rain", kUnreadTokens)).status);
}

}  // namespace
}  // namespace chimera::testing
