// The default model through both services: replies are those of plain decoding, whatever drafts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/model/default_model_path.h"
#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/draft_models.h"

namespace chimera::testing {
namespace {

constexpr int kPrompts = 4;
constexpr int32_t kMaxTokens = 24;
constexpr int32_t kDepth = 5;

class LosslessE2eTest : public E2eFixture {
 protected:
  void SetUp() override { OpenModel(chimera::DefaultModelPath()); }

  // Every prompt greedy, at T = 0.7 with top-p 0.95, and at T = 1.
  static std::vector<v1::GenerateRequest> MakeRequests() {
    std::vector<v1::GenerateRequest> requests;
    std::ifstream prompts(CHIMERA_TEST_PROMPTS);
    std::string line;
    while (static_cast<int>(requests.size()) < 3 * kPrompts && std::getline(prompts, line)) {
      const nlohmann::json prompt = nlohmann::json::parse(line);
      for (const float temperature : {0.0f, 0.7f, 1.0f}) {
        v1::GenerateRequest request;
        v1::ChatMessage* const message = request.mutable_messages()->add_messages();
        message->set_role("user");
        message->set_content(prompt["turns"][0].get<std::string>());
        request.mutable_sampling()->set_temperature(temperature);
        if (temperature == 0.7f) request.mutable_sampling()->set_top_p(0.95f);
        request.mutable_sampling()->set_seed(requests.size());
        request.mutable_stop()->set_max_tokens(kMaxTokens);
        if (requests.size() % 4 == 3) request.mutable_stop()->add_stop_strings(".");
        request.mutable_speculation()->set_max_nodes(12);
        request.mutable_speculation()->set_max_depth(kDepth);
        requests.push_back(request);
      }
    }
    return requests;
  }

  std::vector<ClientReply> Golden() {
    StartVerifier(Drafters::kNone);
    return GenerateAll(MakeRequests(), 1);
  }

  // Compares with the golden replies; adds up what speculation did.
  void ExpectSame(const std::vector<ClientReply>& replies, const std::vector<ClientReply>& golden) {
    steps_ = tokens_ = nodes_ = 0;
    ASSERT_EQ(replies.size(), golden.size());
    for (size_t i = 0; i < replies.size(); ++i) {
      EXPECT_TRUE(golden[i].status.ok());
      EXPECT_EQ(Answer(replies[i]), Answer(golden[i])) << "request " << i;
      steps_ += replies[i].complete.speculation().steps();
      nodes_ += replies[i].complete.speculation().draft_nodes();
      tokens_ += replies[i].complete.usage().completion_tokens() - 1;
    }
  }

  int64_t steps_ = 0, tokens_ = 0, nodes_ = 0;
};

TEST_F(LosslessE2eTest, NgramDrafter) {
  const std::vector<ClientReply> golden = Golden();
  StartDrafter(nullptr);
  StartVerifier(Drafters::kOne, 16);
  ASSERT_TRUE(DrafterIsReady());
  for (const int concurrency : {1, 8}) {
    ExpectSame(GenerateAll(MakeRequests(), concurrency), golden);
  }
}

TEST_F(LosslessE2eTest, RandomTrees) {
  const std::vector<ClientReply> golden = Golden();
  StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 5));
  StartVerifier(Drafters::kOne, 64);
  ASSERT_TRUE(DrafterIsReady());
  ExpectSame(GenerateAll(MakeRequests(), 8), golden);
  EXPECT_GT(nodes_, 500);
}

TEST_F(LosslessE2eTest, TrueContinuation) {
  const std::vector<ClientReply> golden = Golden();
  std::vector<std::vector<int32_t>> sequences;
  const std::vector<v1::GenerateRequest> requests = MakeRequests();
  for (size_t i = 0; i < requests.size(); ++i) {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    *request.mutable_messages() = requests[i].messages();
    v1::TokenizeResponse prompt;
    ASSERT_TRUE(stub_->Tokenize(&context, request, &prompt).ok());
    std::vector<int32_t>& sequence =
        sequences.emplace_back(prompt.token_ids().begin(), prompt.token_ids().end());
    sequence.insert(sequence.end(), golden[i].token_ids.begin(), golden[i].token_ids.end());
    sequence.insert(sequence.end(), kDepth, 0);
  }
  StartDrafter(
      std::make_unique<TrueContinuationDraftModel>(sequences, model_->config().vocab_size));
  StartVerifier(Drafters::kOne);
  ASSERT_TRUE(DrafterIsReady());
  ExpectSame(GenerateAll(MakeRequests(), 8), golden);
  // Replies whose beginnings agree make the model confuse them now and then.
  EXPECT_GT(tokens_, 3 * steps_);
}

TEST_F(LosslessE2eTest, DrafterThatComesAndGoes) {
  const std::vector<ClientReply> golden = Golden();
  StartVerifier(Drafters::kOne);
  ExpectSame(GenerateAll(MakeRequests(), 4), golden);
  EXPECT_EQ(nodes_, 0);
  StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 6));
  ASSERT_TRUE(DrafterIsReady());
  ExpectSame(GenerateAll(MakeRequests(), 4), golden);
  EXPECT_GT(nodes_, 0);
  StopDrafter();
  ExpectSame(GenerateAll(MakeRequests(), 4), golden);
  StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 7));
  ASSERT_TRUE(DrafterIsReady());
  ExpectSame(GenerateAll(MakeRequests(), 4), golden);
  EXPECT_GT(nodes_, 0);
  EXPECT_EQ(ServerInfo().drafters(0).connects(), 2);
}

}  // namespace
}  // namespace chimera::testing
