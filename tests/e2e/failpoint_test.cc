// Each step of engine and link fails once, by an error and by the death of the process. What
// survives answers as if nothing had happened, and so does all that is asked afterwards.

#include "common/base/failpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/draft_models.h"
#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/child_process.h"
#include "tests/testing/eventually.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

using ::testing::HasSubstr;

struct SiteCase {
  FailpointSite site;
  const char* name;
  bool in_link;  // so that no request may notice
};

const SiteCase kSites[] = {
    {FailpointSite::kAdmit, "admit", false},     {FailpointSite::kPrefill, "prefill", false},
    {FailpointSite::kForward, "forward", false}, {FailpointSite::kCommit, "commit", false},
    {FailpointSite::kSend, "send", true},        {FailpointSite::kReceive, "receive", true},
    {FailpointSite::kClose, "close", true},
};

class FailpointTest : public E2eFixture, public ::testing::WithParamInterface<SiteCase> {
 protected:
  static constexpr int kStreams = 4;

  void SetUp() override {
    path_ = directory_.path() + "/tiny.gguf";
    WriteTinyLlama(path_, {});
    OpenModel(path_);
    for (int i = 0; i < 12; ++i) {
      v1::GenerateRequest request;
      for (int p = 0; p < 5 + 3 * i; ++p)
        request.mutable_token_ids()->add_ids(3 + (i * 31 + p) % 99);
      request.mutable_sampling()->set_temperature(i % 2 == 0 ? 0.0f : 1.0f);
      request.mutable_sampling()->set_seed(static_cast<uint64_t>(i));
      request.mutable_stop()->set_max_tokens(20);
      request.mutable_stop()->set_ignore_eos(true);
      requests_.push_back(request);
    }
    StartVerifier(MakeVerifierConfig(Drafters::kNone));
    golden_ = GenerateAll(requests_, 1);
    StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 9));
  }

  void ExpectGolden(const std::vector<ClientReply>& replies) {
    for (size_t i = 0; i < replies.size(); ++i) {
      EXPECT_EQ(Answer(replies[i]), Answer(golden_[i])) << "request " << i;
    }
  }

  std::string path_;
  std::vector<v1::GenerateRequest> requests_;
  std::vector<ClientReply> golden_;
};

TEST_P(FailpointTest, AnErrorIsSurvived) {
  StartVerifier(MakeVerifierConfig(Drafters::kOne));
  ASSERT_TRUE(DrafterIsReady());
  ArmFailpoint(GetParam().site, FailpointAction::kError, /*passes=*/3);
  const std::vector<ClientReply> replies = GenerateAll(requests_, kStreams);
  EXPECT_TRUE(FailpointHasActed(GetParam().site));
  for (size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i].status.ok() && !GetParam().in_link) {
      EXPECT_EQ(replies[i].status.error_code(), grpc::StatusCode::INTERNAL);
      EXPECT_THAT(replies[i].status.error_message(), HasSubstr("failpoint"));
    } else {
      EXPECT_EQ(Answer(replies[i]), Answer(golden_[i])) << "request " << i;
    }
  }
  ASSERT_TRUE(DrafterIsReady());
  ExpectGolden(GenerateAll(requests_, kStreams));
  EXPECT_TRUE(Eventually([&] {
    const v1::GetServerInfoResponse info = ServerInfo();
    return info.free_kv_page_count() == info.kv_page_count();
  }));
}

TEST_P(FailpointTest, TheDeathOfTheProcessIsSurvivedByTheNext) {
  const std::string address = "unix:" + directory_.path() + "/child.sock";
  const std::string fault = std::string("CHIMERA_FAILPOINT=") + GetParam().name + ":abort:3";
  const auto start = [&](const std::string& environment) {
    return std::make_unique<ChildProcess>(
        "/usr/bin/env", std::vector<std::string>{environment, CHIMERA_VERIFIER_BINARY, "--model",
                                                 path_, "--listen", address, "--metrics_listen=",
                                                 "--drafter", DrafterAddress().ToString()});
  };
  std::unique_ptr<ChildProcess> verifier = start(fault);
  Connect(address);
  ASSERT_TRUE(DrafterIsReady()) << verifier->Errors();
  wait_for_ready_ = false;
  const std::vector<ClientReply> replies = GenerateAll(requests_, kStreams);
  EXPECT_EQ(verifier->Wait(), -1) << verifier->Errors();
  for (size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].status.ok()) {
      EXPECT_EQ(Answer(replies[i]), Answer(golden_[i])) << "request " << i;
    } else {
      EXPECT_EQ(replies[i].status.error_code(), grpc::StatusCode::UNAVAILABLE);
    }
  }
  wait_for_ready_ = true;
  verifier = start("NO_FAILPOINT=");
  ASSERT_TRUE(DrafterIsReady()) << verifier->Errors();
  ExpectGolden(GenerateAll(requests_, kStreams));
}

INSTANTIATE_TEST_SUITE_P(Sites, FailpointTest, ::testing::ValuesIn(kSites),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace chimera::testing
