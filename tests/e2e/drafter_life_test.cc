// A drafter's life and death cost speed, never a request.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "common/model/default_model_path.h"
#include "tests/e2e/draft_models.h"
#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/child_process.h"
#include "tests/testing/eventually.h"

namespace chimera::testing {
namespace {

constexpr int kStreams = 8;
constexpr int32_t kMaxTokens = 32;

class DrafterLifeTest : public E2eFixture {
 protected:
  void SetUp() override { OpenModel(chimera::DefaultModelPath()); }

  // Prompts that go on as they began, so that the n-gram drafter has something to find.
  static std::vector<v1::GenerateRequest> MakeRequests() {
    std::vector<v1::GenerateRequest> requests;
    for (int i = 0; i < kStreams; ++i) {
      v1::GenerateRequest request;
      request.set_text("Again and again: one two three " + std::to_string(i) + " one two three " +
                       std::to_string(i) + " one two three");
      request.mutable_sampling()->set_temperature(i % 2 == 0 ? 0.0f : 0.5f);
      request.mutable_sampling()->set_seed(static_cast<uint64_t>(i));
      request.mutable_stop()->set_max_tokens(kMaxTokens);
      request.mutable_stop()->set_ignore_eos(true);
      requests.push_back(request);
    }
    return requests;
  }

  static int64_t DraftNodes(const std::vector<ClientReply>& replies) {
    int64_t nodes = 0;
    for (const ClientReply& reply : replies) nodes += reply.complete.speculation().draft_nodes();
    return nodes;
  }

  void ExpectSame(const std::vector<ClientReply>& replies, const std::vector<ClientReply>& golden) {
    ASSERT_EQ(replies.size(), golden.size());
    for (size_t i = 0; i < replies.size(); ++i) {
      EXPECT_TRUE(replies[i].status.ok());
      EXPECT_EQ(Answer(replies[i]), Answer(golden[i])) << "request " << i;
    }
  }

  std::vector<ClientReply> Golden() {
    StartVerifier(Drafters::kNone);
    return GenerateAll(MakeRequests(), 1);
  }

  // A drafter process that listens where the verifier looks for it.
  std::unique_ptr<ChildProcess> StartDrafterProcess() const {
    return std::make_unique<ChildProcess>(
        CHIMERA_DRAFTER_BINARY, std::vector<std::string>{"--model", chimera::DefaultModelPath(),
                                                         "--listen", DrafterAddress().ToString()});
  }
};

TEST_F(DrafterLifeTest, StartedLateStoppedAndStartedAgain) {
  const std::vector<ClientReply> golden = Golden();
  StartVerifier(Drafters::kOne);
  std::vector<ClientReply> replies = GenerateAll(MakeRequests(), kStreams);
  ExpectSame(replies, golden);
  EXPECT_EQ(DraftNodes(replies), 0);
  for (int64_t connects = 1; connects <= 2; ++connects) {
    StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 6));
    ASSERT_TRUE(DrafterIsReady());
    EXPECT_EQ(ServerInfo().drafters(0).connects(), connects);
    replies = GenerateAll(MakeRequests(), kStreams);
    ExpectSame(replies, golden);
    EXPECT_GT(DraftNodes(replies), 0);
    StopDrafter();
    ExpectSame(GenerateAll(MakeRequests(), kStreams), golden);
  }
}

TEST_F(DrafterLifeTest, KilledAtRandomMoments) {
  constexpr int kKills = 20;
  const std::vector<ClientReply> golden = Golden();
  StartVerifier(Drafters::kOne);
  std::unique_ptr<ChildProcess> drafter = StartDrafterProcess();
  ASSERT_TRUE(DrafterIsReady()) << drafter->Errors();

  std::atomic<bool> stop = false;
  std::atomic<int64_t> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kStreams; ++i) {
    clients.emplace_back([&, i] {
      const v1::GenerateRequest request = MakeRequests()[i];
      while (!stop) {
        const ClientReply reply = Generate(request);
        EXPECT_EQ(Answer(reply), Answer(golden[i])) << "stream " << i;
        ++answered;
      }
    });
  }
  // Moments are counted in drafts, not in seconds: a slow machine tests the same.
  std::mt19937 random(20);
  const auto used_drafts = [this] { return ServerInfo().drafters(0).drafts_used(); };
  for (int kill = 0; kill < kKills; ++kill) {
    // One in four dies while it starts or shakes hands.
    const bool while_starting = random() % 4 == 0;
    const int64_t moment = used_drafts() + static_cast<int64_t>(random() % 60);
    if (!while_starting) {
      EXPECT_TRUE(Eventually([&] { return used_drafts() > moment; })) << "drafting did not resume";
    }
    drafter->Kill();
    drafter->Wait();
    drafter = StartDrafterProcess();
  }
  // Not ASSERT: the clients must be joined.
  EXPECT_TRUE(DrafterIsReady()) << drafter->Errors();
  const int64_t used = used_drafts();
  EXPECT_TRUE(Eventually([&] { return used_drafts() > used; })) << "drafting did not resume";
  EXPECT_GE(ServerInfo().drafters(0).connects(), kKills / 2);
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_GE(answered, kStreams);
  EXPECT_GT(DraftNodes(GenerateAll(MakeRequests(), kStreams)), 0);
}

}  // namespace
}  // namespace chimera::testing
