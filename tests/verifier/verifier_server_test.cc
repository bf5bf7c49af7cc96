// The server as a whole: how it starts, where it listens, and how it drains.

#include "verifier/verifier_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/channel.h"
#include "tests/testing/generic_call.h"
#include "tests/testing/tiny_llama.h"
#include "tests/verifier/service/service_fixture.h"
#include "tests/verifier/service/slow_channel.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kPrompt[] = "the rain in the other lot";
constexpr int32_t kLong = 400;
constexpr const char* kService = v1::GenerationService::service_full_name();

Address Tcp(const std::string& host) {
  Address address;
  address.host = host;
  return address;
}

class VerifierServerTest : public ServiceFixture {
 protected:
  // Drains on a thread of its own and waits until clients can see it.
  void StartDraining() {
    drained_ = std::async(std::launch::async, [this] { return verifier_->Drain(); });
    ASSERT_TRUE(Eventually([this] { return ServerInfo().draining(); }));
    ASSERT_TRUE(Eventually([this] { return CheckHealth(channel(), "") != Health::kServing; }));
    // The engine refuses a moment after the service says so.
    ASSERT_TRUE(Eventually([this] { return !Generate(TextRequest(kPrompt, 1)).status.ok(); }));
  }

  std::shared_ptr<grpc::Channel> channel() const {
    return CreateChannel(verifier_->addresses().front());
  }

  // Lets a step through every few milliseconds until `done`.
  template <typename T>
  T StepUntil(std::future<T>* done) {
    while (done->wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
      gate_.Allow(1);
    }
    return done->get();
  }

  std::future<absl::Status> drained_;
};

TEST_F(VerifierServerTest, ListensOnEveryAddress) {
  VerifierConfig config = Config();
  config.listen_addresses = {Tcp("127.0.0.1"), SocketAddress("verifier"), Tcp("127.0.0.1")};
  Start(config);
  ASSERT_THAT(verifier_->addresses(), SizeIs(3));
  std::vector<int32_t> token_ids;
  for (const Address& address : verifier_->addresses()) {
    SCOPED_TRACE(address.ToString());
    EXPECT_TRUE(address.is_unix() || address.port > 0);
    stub_ = v1::GenerationService::NewStub(CreateChannel(address));
    const Reply reply = Generate(TextRequest(kPrompt, 5));
    CHIMERA_EXPECT_OK(reply.status);
    if (token_ids.empty()) token_ids = reply.token_ids;
    EXPECT_EQ(reply.token_ids, token_ids);
  }
}

TEST_F(VerifierServerTest, OffersHealthAndReflection) {
  Start(Config());
  for (const std::string& name : std::vector<std::string>{"", kService, "readiness", "liveness"}) {
    EXPECT_EQ(CheckHealth(channel(), name), Health::kServing) << name;
  }
  EXPECT_EQ(CheckHealth(channel(), "no.such.Service"), Health::kUnknownService);
  EXPECT_THAT(ListServices(channel()), AllOf(HasSubstr(kService), HasSubstr("grpc.health.v1")));
}

TEST_F(VerifierServerTest, ReflectionCanBeLeftOut) {
  VerifierConfig config = Config();
  config.reflection = Reflection::kOff;
  Start(config);
  EXPECT_THAT(ListServices(channel()), Not(HasSubstr(kService)));
  EXPECT_EQ(CheckHealth(channel(), kService), Health::kServing);
}

TEST_F(VerifierServerTest, SaysWhyItCannotStart) {
  Start(Config());
  const struct {
    const char* name;
    std::function<void(VerifierConfig&)> change;
    const char* message;
  } cases[] = {
      {"address in use", [](auto&) {}, "another server listens on"},
      {"no such directory",
       [](auto& config) { config.listen_addresses[0].unix_path = "/none/verifier"; }, "/none"},
      {"address of another machine",
       [](auto& config) { config.listen_addresses = {Tcp("192.0.2.1")}; },
       "cannot listen on 192.0.2.1:0"},
      {"device", [](auto& config) { config.device = "tpu"; }, "device \"tpu\", must be \"cpu\""},
      {"threads", [](auto& config) { config.thread_count = 1000; }, "thread_count 1000"},
      {"pages", [](auto& config) { config.kv_page_count = 1 << 30; },
       "--kv_pages is 1073741824, at most "},
  };
  for (const auto& [name, change, message] : cases) {
    SCOPED_TRACE(name);
    VerifierConfig config = Config();
    change(config);
    absl::StatusOr<LoadedModel> loaded = VerifierServer::Load(config, model_);
    absl::Status status = loaded.status();
    if (status.ok()) status = VerifierServer::Start(config, *std::move(loaded)).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
  CHIMERA_EXPECT_OK(Generate(TextRequest(kPrompt, 5)).status) << "the first still serves";
}

TEST_F(VerifierServerTest, ServesAModelWhoseChatTemplateItDoesNotKnow) {
  const std::string path = directory_.path() + "/tiny.gguf";
  GgufWriter writer = BuildTinyLlama({});
  writer.SetString("tokenizer.chat_template", "{{ messages }}");
  WriteFile(path, writer.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(model_, LlamaModel::Open(path));
  Start(Config());
  CHIMERA_EXPECT_OK(Generate(TextRequest(kPrompt, 5)).status);
  v1::GenerateRequest chat = TextRequest("", 5);
  chat.mutable_messages()->add_messages()->set_role("user");
  const Reply reply = Generate(chat);
  EXPECT_THAT(reply.status, StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("the model has no known chat template")));
  EXPECT_EQ(ReasonAndField(reply.status), "INVALID_FIELD messages");
}

TEST_F(VerifierServerTest, DrainingLetsRequestsFinishAndRefusesNewOnes) {
  VerifierConfig config = Config();
  config.engine.max_running_requests = 1;
  Start(config);
  gate_.Close();
  GenerateCall running(stub_.get(), TextRequest(kPrompt, kLong));
  ASSERT_TRUE(WaitForLoad(1, 0));
  GenerateCall waiting(stub_.get(), TextRequest(kPrompt, kLong));
  ASSERT_TRUE(WaitForLoad(1, 1));

  StartDraining();
  const Reply refused = Generate(TextRequest(kPrompt, 1));
  EXPECT_THAT(refused.status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  EXPECT_EQ(ReasonAndField(refused.status), "DRAINING");
  for (const std::string& name : std::vector<std::string>{"", kService, "readiness"}) {
    EXPECT_EQ(CheckHealth(channel(), name), Health::kNotServing) << name;
  }
  EXPECT_EQ(CheckHealth(channel(), "liveness"), Health::kServing);
  EXPECT_FALSE(Tokenize(kPrompt).empty());

  gate_.Open();
  EXPECT_THAT(running.Finish().token_ids, SizeIs(kLong));
  CHIMERA_EXPECT_OK(running.reply().status);
  EXPECT_EQ(waiting.Finish().token_ids, running.reply().token_ids);
  CHIMERA_EXPECT_OK(drained_.get());
  EXPECT_THAT(Generate(TextRequest(kPrompt, 1)).status,
              StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

// A reply that the engine has finished is not lost because its client has not read it yet.
TEST_F(VerifierServerTest, DrainingWaitsForReaders) {
  Start(Config());
  const Reply expected = Generate(TextRequest(kPrompt, kLong));
  const auto slow_stub = v1::GenerationService::NewStub(SlowChannel(SocketAddress("verifier")));
  GenerateCall slow(slow_stub.get(), TextRequest(kPrompt, kLong));
  ASSERT_TRUE(slow.ReadOne());
  ASSERT_TRUE(WaitForLoad(0, 0));
  StartDraining();
  // Far longer than the server waits for calls once it has stopped listening.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  while (std::chrono::steady_clock::now() < end) ASSERT_TRUE(ServerInfo().draining());
  CHIMERA_EXPECT_OK(slow.Finish().status);
  EXPECT_EQ(slow.reply().token_ids, expected.token_ids);
  EXPECT_EQ(slow.reply().text, expected.text);
  CHIMERA_EXPECT_OK(drained_.get());
}

TEST_F(VerifierServerTest, DrainingEndsWhatTakesTooLong) {
  VerifierConfig config = Config();
  config.shutdown_timeout = std::chrono::milliseconds(50);
  Start(config);
  // One that the engine has finished and nobody reads ...
  const auto slow_stub = v1::GenerationService::NewStub(SlowChannel(SocketAddress("verifier")));
  GenerateCall unread(slow_stub.get(), TextRequest(kPrompt, kLong));
  ASSERT_TRUE(unread.ReadOne());
  ASSERT_TRUE(WaitForLoad(0, 0));
  // ... and one that makes no progress until it is cancelled.
  gate_.Close();
  GenerateCall stuck(stub_.get(), TextRequest(kPrompt, kLong));
  ASSERT_TRUE(WaitForLoad(1, 0));
  drained_ = std::async(std::launch::async, [this] { return verifier_->Drain(); });
  CHIMERA_EXPECT_OK(StepUntil(&drained_));
  EXPECT_FALSE(unread.Finish().status.ok());
  EXPECT_THAT(stuck.Finish().status,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  EXPECT_EQ(ReasonAndField(stuck.reply().status), "DRAINING");
  EXPECT_LT(gate_.steps(), 2 * kLong);
}

TEST_F(VerifierServerTest, DestructionEndsCallsAtOnce) {
  Start(Config());
  gate_.Close();
  GenerateCall call(stub_.get(), TextRequest(kPrompt, kLong));
  ASSERT_TRUE(WaitForLoad(1, 0));
  auto destroyed = std::async(std::launch::async, [this] { return verifier_.reset(), true; });
  StepUntil(&destroyed);
  EXPECT_FALSE(call.Finish().status.ok());
  EXPECT_LT(gate_.steps(), kLong);
}

}  // namespace
}  // namespace chimera::testing
