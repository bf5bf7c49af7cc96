// The binary: its command line, and its life from start to SIGTERM.

#include <gmock/gmock.h>
#include <grpc/grpc.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "tests/testing/child_process.h"
#include "tests/testing/eventually.h"
#include "tests/testing/generic_call.h"
#include "tests/testing/missing_gpu.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"
#include "tests/verifier/service/generate_call.h"
#include "tests/verifier/service/slow_channel.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int32_t kLong = 400;

class ChimeraVerifierTest : public ::testing::Test {
 protected:
  ChimeraVerifierTest() {
    // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
    static const bool initialized = (grpc_init(), true);
    static_cast<void>(initialized);
    WriteTinyLlama(model_path_, {});
    socket_.unix_path = directory_.path() + "/verifier.sock";
  }

  // Starts the binary on the socket and a free port, without metrics unless the arguments say so.
  void Start(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--model", model_path_, "--threads=1", "--listen",
                                         socket_.ToString() + ",127.0.0.1:0", "--metrics_listen="});
    process_ = std::make_unique<ChildProcess>(CHIMERA_VERIFIER_BINARY, arguments);
    ASSERT_TRUE(Eventually([&] {
      return process_->Output().find("127.0.0.1:") != std::string::npos;
    })) << process_->Errors();
    stub_ = v1::GenerationService::NewStub(CreateChannel(socket_));
  }

  Reply Generate(int32_t max_tokens) {
    return GenerateCall(stub_.get(), Request(max_tokens)).Finish();
  }

  static v1::GenerateRequest Request(int32_t max_tokens) {
    v1::GenerateRequest request;
    request.set_text("the rain in the other lot");
    request.mutable_stop()->set_max_tokens(max_tokens);
    request.mutable_stop()->set_ignore_eos(true);
    return request;
  }

  v1::GetServerInfoResponse ServerInfo() {
    grpc::ClientContext context;
    v1::GetServerInfoResponse response;
    EXPECT_TRUE(stub_->GetServerInfo(&context, {}, &response).ok());
    return response;
  }

  // Waits until the binary has logged `text`.
  bool WaitForLog(const std::string& text) {
    return Eventually([&] { return process_->Errors().find(text) != std::string::npos; });
  }

  const TempDirectory directory_;
  const std::string model_path_ = directory_.path() + "/tiny.gguf";
  Address socket_;
  std::unique_ptr<ChildProcess> process_;
  std::unique_ptr<v1::GenerationService::Stub> stub_;
};

TEST_F(ChimeraVerifierTest, ServesUntilSigterm) {
  Start({"--max_running_requests=3", "--max_waiting_requests=5", "--kv_pages=40",
         "--metrics_listen=127.0.0.1:0"});
  const std::string output = process_->Output();
  EXPECT_THAT(output, StartsWith("chimera-verifier listening on " + socket_.ToString() + "\n" +
                                 "chimera-verifier listening on 127.0.0.1:"));
  const std::string tcp = output.substr(output.rfind(' ') + 1);
  std::vector<int32_t> token_ids;
  for (const std::string& text : {socket_.ToString(), tcp.substr(0, tcp.find('\n'))}) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Address address, ParseDialAddress(text));
    const auto channel = CreateChannel(address);
    stub_ = v1::GenerationService::NewStub(channel);
    const Reply reply = Generate(20);
    CHIMERA_EXPECT_OK(reply.status);
    if (token_ids.empty()) token_ids = reply.token_ids;
    EXPECT_EQ(reply.token_ids, token_ids);
    EXPECT_EQ(CheckHealth(channel, v1::GenerationService::service_full_name()), Health::kServing);
    EXPECT_THAT(ListServices(channel), HasSubstr(v1::GenerationService::service_full_name()));
  }
  const v1::GetServerInfoResponse info = ServerInfo();
  EXPECT_EQ(info.max_running_requests(), 3);
  EXPECT_EQ(info.max_waiting_requests(), 5);
  EXPECT_EQ(info.kv_page_count(), 40);

  process_->Terminate();
  EXPECT_EQ(process_->Wait(), 0);
  EXPECT_EQ(process_->Output(), output);
  EXPECT_THAT(process_->Errors(), AllOf(HasSubstr("engine ready model=tiny"),
                                        HasSubstr("serving metrics address=127.0.0.1:"),
                                        HasSubstr("drafters=0"), HasSubstr("draining signal=15"),
                                        HasSubstr("stopped"), Not(HasSubstr("the rain"))));
}

TEST_F(ChimeraVerifierTest, SigtermLetsRepliesReachTheirClients) {
  Start();
  const Reply expected = Generate(kLong);
  // The client reads nothing for a while, so that the call is open as long as the test wants.
  const auto slow_stub = v1::GenerationService::NewStub(SlowChannel(socket_));
  GenerateCall slow(slow_stub.get(), Request(kLong));
  ASSERT_TRUE(slow.ReadOne());
  process_->Terminate();
  ASSERT_TRUE(WaitForLog("draining"));
  ASSERT_TRUE(Eventually([&] { return !Generate(1).status.ok(); }));
  const Reply refused = Generate(1);
  EXPECT_THAT(refused.status, StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  EXPECT_EQ(ReasonAndField(refused.status), "DRAINING");
  EXPECT_TRUE(ServerInfo().draining());
  EXPECT_EQ(CheckHealth(CreateChannel(socket_), ""), Health::kNotServing);

  CHIMERA_EXPECT_OK(slow.Finish().status);
  EXPECT_EQ(slow.reply().token_ids, expected.token_ids);
  EXPECT_EQ(process_->Wait(), 0);
  EXPECT_THAT(process_->Errors(), HasSubstr("stopped"));
}

TEST_F(ChimeraVerifierTest, SigtermWaitsNoLongerThanItIsTold) {
  Start({"--shutdown_timeout=50ms"});
  const auto slow_stub = v1::GenerationService::NewStub(SlowChannel(socket_));
  GenerateCall unread(slow_stub.get(), Request(kLong));
  ASSERT_TRUE(unread.ReadOne());
  process_->Terminate();
  EXPECT_EQ(process_->Wait(), 0);
  EXPECT_FALSE(unread.Finish().status.ok());
}

TEST_F(ChimeraVerifierTest, SaysWhatItsDraftersLack) {
  Address address;
  address.unix_path = directory_.path() + "/drafter.sock";
  Start({"--drafter", address.ToString() + ",127.0.0.1:1"});
  EXPECT_TRUE(WaitForLog("drafters=2"));
  EXPECT_TRUE(WaitForLog("drafter not connected address=" + address.ToString()));
  EXPECT_TRUE(WaitForLog("drafter not connected address=127.0.0.1:1"));
  CHIMERA_EXPECT_OK(Generate(20).status);

  // One for another model.
  const ScriptedDrafter drafter(address, AfterHandshake(ValidReady(), AnswerSteps));
  EXPECT_TRUE(WaitForLog("drafter refused address=" + address.ToString()));
  EXPECT_THAT(process_->Errors(), HasSubstr("made for another model"));
  EXPECT_EQ(ServerInfo().drafters(0).state(), v1::DRAFTER_STATE_REFUSED);
  CHIMERA_EXPECT_OK(Generate(20).status);
}

TEST_F(ChimeraVerifierTest, SaysWhatIsWrongWithTheCommandLine) {
  const std::string broken_path = directory_.path() + "/broken.gguf";
  WriteFile(broken_path, "GGUF, or so it says");
  const std::string model = "--model=" + model_path_;
  const struct {
    std::vector<std::string> arguments;
    int exit_code;
    std::string error;
  } cases[] = {
      {{"--max_running_requests=0"}, 2, "--max_running_requests is 0, must be in [1, 1024]"},
      {{"--max_running_requests=1025"}, 2, "--max_running_requests is 1025, must be in [1, 1024]"},
      {{"--max_waiting_requests=-1"}, 2, "--max_waiting_requests is -1, must be in [1, 1048576]"},
      {{"--prefill_chunk=0"}, 2, "--prefill_chunk is 0, must be in [1, 8192]"},
      {{"--max_nodes=64"}, 2, "--max_nodes is 64, must be in [1, 63]"},
      {{"--max_depth=16"}, 2, "--max_depth is 16, must be in [1, 15]"},
      {{"--step_groups=3"}, 2, "--step_groups is 3, must be in [1, 2]"},
      {{"--draft_deadline=0"}, 2, "--draft_deadline is 0, must be in [1us, 10s]"},
      {{"--draft_deadline=inf"}, 2, "--draft_deadline is inf, must be in [1us, 10s]"},
      {{"--shutdown_timeout=-1s"}, 2, "--shutdown_timeout is -1s, must be in [0, 1h]"},
      {{"--shutdown_timeout=2h"}, 2, "--shutdown_timeout is 2h, must be in [0, 1h]"},
      {{"--threads=-1"}, 2, "--threads is -1, must be in [0, 256]"},
      {{"--kv_pages=-1"}, 2, "--kv_pages is -1, must be in [0, 16777216]"},
      {{"--listen="}, 2, "--listen is empty"},
      {{"--listen=unix:relative"}, 2, "relative"},
      {{"--listen=localhost"}, 2, "address \"localhost\": expected unix:/path or host:port"},
      {{"--metrics_listen=9464"}, 2, "--metrics_listen is \"9464\", must be a host name or IPv4"},
      {{"--metrics_listen=[::1]:9464"}, 2, "--metrics_listen is \"[::1]:9464\""},
      {{"--drafter=127.0.0.1:0"}, 2, "the port must be a number in [1, 65535]"},
      {{"--drafter=unix:/a,,unix:/b"}, 2, "address \"\""},
      {{"--log_level=loud"}, 2, "loud"},
      {{"--numerics=fast"}, 2, "numerics \"fast\", must be \"strict\" or \"pinned\""},
      {{"stray"}, 2, "unexpected argument stray"},
      {{"--no_such_flag"}, 1, "no_such_flag"},
      {{"--threads=many"}, 1, "threads"},
      {{"--kv_pages=99999999999"}, 1, "kv_pages"},
      {{"--model=/none/model.gguf"}, 1, "/none/model.gguf"},
      {{"--model=" + broken_path}, 1, broken_path},
      {{model, "--device=tpu"}, 1, "device \"tpu\", must be \"cpu\""},
      {{model, "--device=cuda:x"}, 1, "device \"cuda:x\", must be \"cpu\" or \"cuda:N\""},
      {{model, "--device=cuda:-1"}, 1, "device \"cuda:-1\", must be \"cpu\" or \"cuda:N\""},
      {{model, "--numerics=pinned"},
       1,
       "numerics \"pinned\" on device \"cpu\", must be \"strict\""},
      {{model, "--kv_pages=16777216"}, 1, "--kv_pages is 16777216, at most "},
      {{model, "--listen=unix:/none/v.sock", "--metrics_listen="}, 1, "/none"},
      {{model, "--metrics_listen=192.0.2.1:0"},
       1,
       "--metrics_listen: cannot serve metrics on 192.0.2.1:0: "},
  };
  for (const auto& [arguments, exit_code, error] : cases) {
    ChildProcess verifier(CHIMERA_VERIFIER_BINARY, arguments);
    EXPECT_EQ(verifier.Wait(), exit_code) << arguments.back();
    EXPECT_THAT(verifier.Errors(), HasSubstr(error));
    EXPECT_EQ(verifier.Output(), "");
  }
}

TEST_F(ChimeraVerifierTest, SaysThatThereIsNoGpu) {
  WriteTinyLlama(model_path_, {.head_dim = 64});
  ExpectSaysThatThereIsNoGpu(CHIMERA_VERIFIER_BINARY, {"--model=" + model_path_});
}

TEST_F(ChimeraVerifierTest, ExplainsItself) {
  ChildProcess version(CHIMERA_VERIFIER_BINARY, {"--version"});
  version.Wait();
  EXPECT_THAT(version.Output(), StartsWith("chimera "));
  ChildProcess help(CHIMERA_VERIFIER_BINARY, {"--help"});
  help.Wait();
  EXPECT_THAT(help.Output(), HasSubstr("--max_running_requests"));
}

}  // namespace
}  // namespace chimera::testing
