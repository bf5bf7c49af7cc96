// The binary as a user runs it: both services in one process.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/model/llama_model.h"
#include "common/rpc/channel.h"
#include "tests/common/metrics/exposition.h"
#include "tests/testing/child_process.h"
#include "tests/testing/eventually.h"
#include "tests/testing/missing_gpu.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ChimeraNodeTest : public ::testing::Test {
 protected:
  void SetUp() override { WriteTinyLlama(model_, {}); }

  // Starts a node, for which ServerInfo and Generate are from now on.
  std::unique_ptr<ChildProcess> Start(const std::vector<std::string>& flags = {}) {
    // A socket of its own, so that no call meets the connection to the node before.
    const std::string socket = directory_.path() + "/" + std::to_string(++nodes_) + ".sock";
    stub_ = v1::GenerationService::NewStub(CreateChannel({.unix_path = socket}));
    std::vector<std::string> arguments = {"--model", model_, "--metrics_listen=", "--listen",
                                          "unix:" + socket};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return std::make_unique<ChildProcess>(CHIMERA_NODE_BINARY, arguments);
  }

  v1::GetServerInfoResponse ServerInfo() {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    v1::GetServerInfoResponse response;
    EXPECT_TRUE(stub_->GetServerInfo(&context, {}, &response).ok());
    return response;
  }

  // Waits until the only drafter is in `state`, and returns what the server says of it.
  v1::DrafterInfo DrafterIn(v1::DrafterState state) {
    v1::DrafterInfo drafter;
    EXPECT_TRUE(Eventually([&] {
      const v1::GetServerInfoResponse info = ServerInfo();
      if (info.drafters_size() == 1) drafter = info.drafters(0);
      return drafter.state() == state;
    })) << drafter.ShortDebugString();
    return drafter;
  }

  Fingerprint ModelFingerprint() const { return LlamaModel::Open(model_).value()->fingerprint(); }

  // A reply to a prompt that repeats itself.
  v1::GenerateComplete Generate(bool speculate, std::vector<int32_t>* tokens) {
    v1::GenerateRequest request;
    for (int i = 0; i < 60; ++i) request.mutable_token_ids()->add_ids(3 + i % 6);
    request.mutable_stop()->set_max_tokens(60);
    request.mutable_stop()->set_ignore_eos(true);
    if (!speculate) request.mutable_speculation()->set_mode(v1::SPECULATION_MODE_OFF);
    grpc::ClientContext context;
    const auto reader = stub_->Generate(&context, request);
    v1::GenerateResponse response;
    while (reader->Read(&response)) {
      tokens->insert(tokens->end(), response.chunk().token_ids().begin(),
                     response.chunk().token_ids().end());
    }
    EXPECT_TRUE(reader->Finish().ok());
    return response.complete();
  }

  const TempDirectory directory_;
  const std::string model_ = directory_.path() + "/tiny.gguf";
  const std::string drafter_ = directory_.path() + "/tiny.safetensors";
  int nodes_ = 0;  // started so far
  std::unique_ptr<v1::GenerationService::Stub> stub_;
};

TEST_F(ChimeraNodeTest, DraftsWithinTheProcessAndDrains) {
  // A slow machine may miss the usual deadline.
  const std::unique_ptr<ChildProcess> node = Start({"--draft_deadline=5s"});
  EXPECT_EQ(DrafterIn(v1::DRAFTER_STATE_READY).address(), "in-process") << node->Errors();
  std::vector<int32_t> plain, speculated;
  EXPECT_EQ(Generate(false, &plain).speculation().draft_nodes(), 0);
  Generate(true, &speculated);
  EXPECT_EQ(plain, speculated);
  EXPECT_EQ(plain.size(), 60u);
  EXPECT_GT(ServerInfo().drafters(0).drafts_used(), 0);
  node->Terminate();
  EXPECT_EQ(node->Wait(), 0) << node->Errors();
}

TEST_F(ChimeraNodeTest, DraftsWithATrainedNetwork) {
  BuildTinyDrafter({.target = ModelFingerprint()}).Write(drafter_);
  const std::unique_ptr<ChildProcess> node =
      Start({"--draft_deadline=5s", "--draft_model=" + drafter_});
  const v1::DrafterInfo info = DrafterIn(v1::DRAFTER_STATE_READY);
  EXPECT_EQ(info.name(), "tiny drafter") << node->Errors();
  EXPECT_FALSE(info.other_weights());
  std::vector<int32_t> plain, speculated;
  Generate(false, &plain);
  Generate(true, &speculated);
  EXPECT_EQ(plain, speculated);
}

TEST_F(ChimeraNodeTest, ServesADrafterOfOtherWeightsOnlyIfAllowed) {
  Fingerprint made_for = ModelFingerprint();
  made_for.weights = "others";
  BuildTinyDrafter({.target = made_for}).Write(drafter_);
  const std::vector<std::string> flags = {"--draft_deadline=5s", "--draft_model=" + drafter_};
  {
    const std::unique_ptr<ChildProcess> node = Start(flags);
    EXPECT_THAT(DrafterIn(v1::DRAFTER_STATE_REFUSED).detail(),
                HasSubstr("made for other weights of this model: others"));
    std::vector<int32_t> tokens;
    EXPECT_EQ(Generate(true, &tokens).speculation().draft_nodes(), 0);
    EXPECT_EQ(tokens.size(), 60u);
    node->Terminate();
    EXPECT_EQ(node->Wait(), 0) << node->Errors();
    EXPECT_THAT(node->Errors(), HasSubstr("drafter made for other weights"));
  }
  std::vector<std::string> allowed = flags;
  allowed.push_back("--allow_other_weights");
  const std::unique_ptr<ChildProcess> node = Start(allowed);
  EXPECT_TRUE(DrafterIn(v1::DRAFTER_STATE_READY).other_weights());
  std::vector<int32_t> plain, speculated;
  Generate(false, &plain);
  Generate(true, &speculated);
  EXPECT_EQ(plain, speculated);
}

TEST_F(ChimeraNodeTest, ServesTheMetricsOfBoth) {
  const std::unique_ptr<ChildProcess> node =
      Start({"--draft_deadline=5s", "--metrics_listen=127.0.0.1:0"});
  ServerInfo();
  const std::string intro = "serving metrics address=";
  ASSERT_TRUE(Eventually([&] { return node->Errors().find(intro) != std::string::npos; }));
  std::string address = node->Errors();
  address = address.substr(address.find(intro) + intro.size());
  address = address.substr(0, address.find_first_of(" \n"));
  std::vector<int32_t> tokens;
  Generate(true, &tokens);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(address));
  EXPECT_EQ(exposition.Value("chimera_generation_tokens_total"), 60);
  EXPECT_GT(exposition.Value("chimera_drafter_steps_total"), 0);
  EXPECT_EQ(exposition.Value("chimera_ready", {{"model_name", "tiny"}}), 1);
  EXPECT_EQ(exposition.Value("chimera_ready", {{"model_name", "ngram"}}), 1);
}

TEST_F(ChimeraNodeTest, NamesADrafterOfAnotherModel) {
  BuildTinyDrafter({.target = {"another", ""}}).Write(drafter_);
  const std::unique_ptr<ChildProcess> node = Start({"--draft_model=" + drafter_});
  EXPECT_EQ(node->Wait(), 1);
  EXPECT_THAT(node->Errors(), HasSubstr("was made for model another"));
}

// Its own choice, so that it is no reason not to serve.
TEST_F(ChimeraNodeTest, DraftsWithNgramsWhereTheFileThatItFindsIsBad) {
  TinyDrafter damaged = BuildTinyDrafter({.target = ModelFingerprint()});
  damaged.tensors.erase("context_encoder.ffn_up");
  const std::pair<TinyDrafter, const char*> cases[] = {
      {BuildTinyDrafter({.target = {"another", ""}}), "was made for model another"},
      {damaged, "context_encoder.ffn_up"}};
  const std::string beside = directory_.path() + "/tiny.drafter.safetensors";
  for (const auto& [drafter, error] : cases) {
    drafter.Write(beside);
    const std::unique_ptr<ChildProcess> node = Start({"--draft_deadline=5s"});
    EXPECT_EQ(DrafterIn(v1::DRAFTER_STATE_READY).name(), "ngram");
    std::vector<int32_t> plain, speculated;
    Generate(false, &plain);
    Generate(true, &speculated);
    EXPECT_EQ(plain, speculated);
    node->Terminate();
    EXPECT_EQ(node->Wait(), 0) << node->Errors();
    EXPECT_THAT(node->Errors(),
                AllOf(HasSubstr("drafter refused"), HasSubstr(beside), HasSubstr(error)));
  }
  const std::unique_ptr<ChildProcess> named = Start({"--draft_model=" + beside});
  EXPECT_EQ(named->Wait(), 1);
  EXPECT_THAT(named->Errors(), HasSubstr("context_encoder.ffn_up"));
  const std::unique_ptr<ChildProcess> shaped = Start({"--tree_shape=2,2"});
  EXPECT_EQ(shaped->Wait(), 1);
  EXPECT_THAT(shaped->Errors(), HasSubstr("context_encoder.ffn_up"));
}

TEST_F(ChimeraNodeTest, NamesAWrongFlag) {
  std::unique_ptr<ChildProcess> node = Start({"--canary_fraction=1.5"});
  EXPECT_EQ(node->Wait(), 2);
  EXPECT_THAT(node->Errors(), HasSubstr("--canary_fraction is 1.5, must be in [0, 1]"));
  node = Start({"--tree_shape=8,8"});
  EXPECT_EQ(node->Wait(), 2);
  EXPECT_THAT(node->Errors(), HasSubstr("--tree_shape is \"8,8\", may have 63 nodes"));
  node = Start({"--tree_shape=2,2"});
  EXPECT_EQ(node->Wait(), 1);
  EXPECT_THAT(node->Errors(), HasSubstr("--tree_shape is for trained drafters"));
  for (const std::string device : {"cuda:x", "cuda:-1"}) {
    node = Start({"--device=" + device});
    EXPECT_EQ(node->Wait(), 1);
    EXPECT_THAT(node->Errors(),
                HasSubstr("device \"" + device + "\", must be \"cpu\" or \"cuda:N\""));
  }
}

TEST_F(ChimeraNodeTest, SaysThatThereIsNoGpu) {
  WriteTinyLlama(model_, {.head_dim = 64});
  ExpectSaysThatThereIsNoGpu(CHIMERA_NODE_BINARY, {"--model=" + model_});
}

}  // namespace
}  // namespace chimera::testing
