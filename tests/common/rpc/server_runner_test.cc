#include "common/rpc/server_runner.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "chimera/v1/drafter_service.grpc.pb.h"
#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/rpc/channel.h"
#include "tests/testing/eventually.h"
#include "tests/testing/generic_call.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::chimera::testing::CheckHealth;
using ::chimera::testing::Eventually;
using ::chimera::testing::Health;
using ::chimera::testing::ListServices;
using ::chimera::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kName = v1::GenerationService::service_full_name();

// Answers Abort at once. Holds every Generate, even against cancellation, until Release.
class HoldingService final : public v1::GenerationService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Abort(grpc::CallbackServerContext* context, const v1::AbortRequest*,
                                  v1::AbortResponse*) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(grpc::CallbackServerContext*,
                                                           const v1::GenerateRequest*) override {
    held_ = new Reactor(this);
    started_ = true;
    return held_;
  }

  bool started() const { return started_; }
  bool done() const { return done_; }
  void Release() { held_->Finish(grpc::Status::OK); }

 private:
  class Reactor final : public grpc::ServerWriteReactor<v1::GenerateResponse> {
   public:
    explicit Reactor(HoldingService* service) : service_(service) {}
    void OnDone() override {
      service_->done_ = true;
      delete this;
    }

   private:
    HoldingService* const service_;
  };

  Reactor* held_ = nullptr;
  std::atomic<bool> started_ = false;
  std::atomic<bool> done_ = false;
};

Address Listen(const std::string& text) { return ParseListenAddress(text).value(); }

grpc::Status CallAbort(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::AbortResponse response;
  return v1::GenerationService::NewStub(channel)->Abort(&context, v1::AbortRequest(), &response);
}

class ServerRunnerTest : public ::testing::Test {
 protected:
  // Starts a server for service_ on `addresses`.
  void Start(std::vector<Address> addresses, Reflection reflection = Reflection::kOn) {
    runner_ = std::make_unique<ServerRunner>(
        ServerConfig{.listen_addresses = std::move(addresses), .reflection = reflection});
    runner_->AddService(&service_, kName);
    CHIMERA_ASSERT_OK(runner_->Start());
  }

  HoldingService service_;
  std::unique_ptr<ServerRunner> runner_;
  const testing::TempDirectory directory_;
  const std::string socket_ = "unix:" + directory_.path() + "/x.sock";
};

TEST_F(ServerRunnerTest, ServesOnEveryAddressAndReadsPortsBack) {
  Start({Listen("127.0.0.1:0"), Listen(socket_), Listen("127.0.0.1:0")});
  ASSERT_EQ(runner_->addresses().size(), 3u);
  EXPECT_GT(runner_->addresses()[0].port, 0);
  EXPECT_EQ(runner_->addresses()[1].ToString(), socket_);
  EXPECT_NE(runner_->addresses()[0].port, runner_->addresses()[2].port);
  for (const Address& address : runner_->addresses()) {
    EXPECT_TRUE(CallAbort(CreateChannel(address)).ok()) << address.ToString();
  }
}

TEST_F(ServerRunnerTest, ServesInProcess) {
  Start({});
  EXPECT_TRUE(CallAbort(runner_->InProcessChannel()).ok());
}

TEST_F(ServerRunnerTest, NamesTheAddressThatIsTaken) {
  Start({Listen("127.0.0.1:0")});
  ServerRunner second({.listen_addresses = {Listen("127.0.0.1:0"), runner_->addresses()[0]}});
  EXPECT_THAT(second.Start(), StatusIs(absl::StatusCode::kUnavailable,
                                       HasSubstr(runner_->addresses()[0].ToString())));
}

TEST_F(ServerRunnerTest, DoesNotTakeTheSocketOfALivingServer) {
  Start({Listen(socket_)});
  ServerRunner second({.listen_addresses = {Listen(socket_)}});
  EXPECT_THAT(second.Start(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("x.sock")));
  EXPECT_TRUE(CallAbort(CreateChannel(runner_->addresses()[0])).ok());
}

TEST_F(ServerRunnerTest, RemovesItsSocketWhenItStops) {
  Start({Listen(socket_)});
  runner_.reset();
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/x.sock"));
}

TEST_F(ServerRunnerTest, IsHealthyUnderAllItsNames) {
  Start({});
  for (const std::string name : {"", kName.c_str(), "liveness", "readiness"}) {
    EXPECT_EQ(CheckHealth(runner_->InProcessChannel(), name), Health::kServing) << name;
  }
  EXPECT_EQ(CheckHealth(runner_->InProcessChannel(), "other"), Health::kUnknownService);
}

TEST_F(ServerRunnerTest, ReflectionListsTheServices) {
  Start({});
  EXPECT_THAT(ListServices(runner_->InProcessChannel()), HasSubstr(kName));
}

TEST_F(ServerRunnerTest, ReflectionCanBeOffInOneServerOfTheProcess) {
  ServerRunner other({});
  CHIMERA_ASSERT_OK(other.Start());
  Start({}, Reflection::kOff);
  EXPECT_THAT(ListServices(runner_->InProcessChannel()), Not(HasSubstr(kName)));
}

TEST_F(ServerRunnerTest, DrainsHealthFirstThenCallsThenListeners) {
  Start({Listen("127.0.0.1:0")});
  const auto channel = CreateChannel(runner_->addresses()[0]);
  bool finish_calls_ran = false;
  CHIMERA_EXPECT_OK(runner_->Drain(
      [&](ServerRunner::Deadline deadline) {
        finish_calls_ran = true;
        EXPECT_GT(deadline, steady_clock::now());
        for (const std::string name : {"", kName.c_str(), "readiness"}) {
          EXPECT_EQ(CheckHealth(channel, name), Health::kNotServing) << name;
        }
        EXPECT_EQ(CheckHealth(channel, "liveness"), Health::kServing);
        EXPECT_TRUE(CallAbort(channel).ok());
      },
      std::chrono::seconds(30)));
  EXPECT_TRUE(finish_calls_ran);
  EXPECT_EQ(CallAbort(channel).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerRunnerTest, DrainDoesNotHangOnACallThatIgnoresCancellation) {
  Start({Listen("127.0.0.1:0")});
  const auto stub = v1::GenerationService::NewStub(CreateChannel(runner_->addresses()[0]));
  grpc::ClientContext context;
  const auto reader = stub->Generate(&context, v1::GenerateRequest());
  ASSERT_TRUE(Eventually([&] { return service_.started(); }));

  EXPECT_THAT(runner_->Drain([](ServerRunner::Deadline) {}, milliseconds(0)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("did not end")));
  runner_.reset();

  // Lets the shutdown that was left behind finish before the service goes.
  service_.Release();
  EXPECT_TRUE(Eventually([&] { return service_.done(); }));
}

TEST_F(ServerRunnerTest, DrainLetsCallsEnd) {
  Start({Listen("127.0.0.1:0")});
  const auto stub = v1::GenerationService::NewStub(CreateChannel(runner_->addresses()[0]));
  grpc::ClientContext context;
  const auto reader = stub->Generate(&context, v1::GenerateRequest());
  ASSERT_TRUE(Eventually([&] { return service_.started(); }));
  CHIMERA_EXPECT_OK(runner_->Drain([&](ServerRunner::Deadline) { service_.Release(); },
                                   std::chrono::seconds(30)));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ServerRunnerTest, RunsServicesOfTheAsynchronousApi) {
  v1::DrafterService::AsyncService service;
  ServerRunner runner({});
  runner.AddService(&service, v1::DrafterService::service_full_name());
  const auto queue = runner.AddCompletionQueue();
  CHIMERA_ASSERT_OK(runner.Start());

  grpc::ServerContext server_context;
  grpc::ServerAsyncReaderWriter<v1::DraftResponse, v1::DraftRequest> server_stream(&server_context);
  service.RequestDraft(&server_context, &server_stream, queue.get(), queue.get(), &server_stream);
  grpc::ClientContext context;
  const auto stub = v1::DrafterService::NewStub(runner.InProcessChannel());
  const auto client_stream = stub->Draft(&context);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue->Next(&tag, &ok));
  EXPECT_TRUE(ok);
  server_stream.Finish(grpc::Status(grpc::StatusCode::ABORTED, ""), &server_stream);
  ASSERT_TRUE(queue->Next(&tag, &ok));
  EXPECT_EQ(client_stream->Finish().error_code(), grpc::StatusCode::ABORTED);

  CHIMERA_EXPECT_OK(runner.Drain([](ServerRunner::Deadline) {}, milliseconds(0)));
  queue->Shutdown();
  EXPECT_FALSE(queue->Next(&tag, &ok));
}

}  // namespace
}  // namespace chimera
