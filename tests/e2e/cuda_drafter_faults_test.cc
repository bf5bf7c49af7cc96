// What the lost CUDA device of a drafter costs a verifier: drafts, and no token of a reply.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/thread_pool.h"
#include "common/cuda/draft_network/cuda_draft_network.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/rpc/channel.h"
#include "drafter/chimera_draft_model.h"
#include "drafter/network/drafter_file.h"
#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/eventually.h"
#include "tests/testing/generic_call.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

constexpr int kRequests = 3;

class CudaDrafterFaultsTest : public E2eFixture {
 protected:
  void SetUp() override {
    const std::string target = directory_.path() + "/tiny.gguf";
    WriteTinyLlama(target, {});
    OpenModel(target);
    const std::string drafter = directory_.path() + "/tiny.drafter.safetensors";
    BuildTinyDrafter({.target = model_->fingerprint(), .type = DataType::kBf16, .confidence = 3})
        .Write(drafter);
    CHIMERA_ASSERT_OK_AND_ASSIGN(file_, DrafterFile::Open(drafter));
  }

  void TearDown() override {
    verifier_.reset();
    drafter_.reset();
    computer_.reset();  // which checks that nothing is left
  }

  // A drafter with a device that has never failed before.
  void StartCudaDrafter() {
    drafter_.reset();
    computer_.reset();
    computer_.emplace();
    const auto make_network = [this](const DraftNetworkModel& model) {
      return CudaDraftNetwork::Create(model, {.max_contexts = 2 * kRequests, .threads = &threads_});
    };
    CHIMERA_ASSERT_OK_AND_ASSIGN(
        auto model, ChimeraDraftModel::Create(*file_, model_, {.make_network = make_network}));
    StartDrafter(std::move(model));
  }

  // Waits for drafts for as long as an emulated device may take, also under a sanitizer.
  VerifierConfig MakePatientConfig(Drafters drafters) const {
    VerifierConfig config = MakeVerifierConfig(drafters);
    config.engine.draft.deadline = config.engine.draft.answer_timeout = std::chrono::seconds(60);
    return config;
  }

  std::vector<std::string> Answers() {
    std::vector<v1::GenerateRequest> requests(kRequests);
    for (int i = 0; i < kRequests; ++i) {
      for (int j = 0; j < 20; ++j) requests[i].mutable_token_ids()->add_ids(3 + i + j * 7);
      requests[i].mutable_stop()->set_max_tokens(16);
      requests[i].mutable_stop()->set_ignore_eos(true);
      requests[i].mutable_sampling()->set_seed(i + 1);
      requests[i].mutable_sampling()->set_temperature(i == 0 ? 0.0f : 0.8f);
    }
    std::vector<std::string> answers;
    network_nodes_ = 0;
    for (const ClientReply& reply : GenerateAll(requests, kRequests)) {
      EXPECT_TRUE(reply.status.ok());
      answers.push_back(Answer(reply));
      network_nodes_ += VerifiedNodes(reply, v1::CANDIDATE_SOURCE_NETWORK);
    }
    return answers;
  }

  std::optional<cuda::ScopedEmulatedComputer> computer_;
  ThreadPool threads_{1};
  std::unique_ptr<DrafterFile> file_;
  int64_t network_nodes_ = 0;  // that the replies of the last Answers() verified
};

TEST_F(CudaDrafterFaultsTest, RepliesOutliveTheDevice) {
  StartVerifier(MakePatientConfig(Drafters::kNone));
  const std::vector<std::string> expected = Answers();
  // Before the first draft, and amid replies.
  for (const int operation : {1, 100}) {
    SCOPED_TRACE(operation);
    StartCudaDrafter();
    StartVerifier(MakePatientConfig(Drafters::kOne));
    ASSERT_TRUE(DrafterIsReady());
    EXPECT_EQ(Answers(), expected);
    EXPECT_GT(network_nodes_, 0);

    computer_->FailOperation(operation);
    EXPECT_EQ(Answers(), expected);
    EXPECT_TRUE(computer_->FaultsHaveHappened());
    EXPECT_TRUE(Eventually([&] {
      const v1::DrafterInfo info = ServerInfo().drafters(0);
      return info.state() != v1::DRAFTER_STATE_READY &&
             absl::StrContains(info.detail(), "CUDA device lost") &&
             CheckHealth(CreateChannel(DrafterAddress()), "liveness") == Health::kNotServing;
    }));
    EXPECT_EQ(Answers(), expected);
    EXPECT_EQ(network_nodes_, 0);
  }
}

}  // namespace
}  // namespace chimera::testing
