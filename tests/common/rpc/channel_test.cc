#include "common/rpc/channel.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/rpc/server_runner.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

// Answers Tokenize with as many token ids, 4 bytes each, as the request has bytes; Abort with the
// address of the client's connection as an error.
class TestService final : public v1::GenerationService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context,
                                     const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override {
    for (size_t i = 0; i < request->text().size(); ++i) response->add_token_ids(1 << 21);
    return Finish(context, grpc::Status::OK);
  }

  grpc::ServerUnaryReactor* Abort(grpc::CallbackServerContext* context, const v1::AbortRequest*,
                                  v1::AbortResponse*) override {
    return Finish(context, grpc::Status(grpc::StatusCode::ABORTED, context->peer()));
  }

 private:
  static grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                          const grpc::Status& status) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(status);
    return reactor;
  }
};

class ChannelTest : public ::testing::Test {
 protected:
  std::unique_ptr<ServerRunner> StartServer(const std::string& address) {
    auto runner = std::make_unique<ServerRunner>(
        ServerConfig{.listen_addresses = {ParseListenAddress(address).value()}});
    runner->AddService(&service_, v1::GenerationService::service_full_name());
    CHIMERA_EXPECT_OK(runner->Start());
    return runner;
  }

  static grpc::Status Abort(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    v1::AbortResponse response;
    return v1::GenerationService::NewStub(channel)->Abort(&context, v1::AbortRequest(), &response);
  }

  // Sends `n` bytes, gets 4 n back.
  static grpc::StatusCode Tokenize(const std::shared_ptr<grpc::Channel>& channel, size_t n) {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    request.set_text(std::string(n, 'x'));
    v1::TokenizeResponse response;
    return v1::GenerationService::NewStub(channel)
        ->Tokenize(&context, request, &response)
        .error_code();
  }

  const testing::TempDirectory directory_;
  TestService service_;
};

TEST_F(ChannelTest, CarriesMessagesOf16MiBEitherWay) {
  const auto runner = StartServer("127.0.0.1:0");
  const auto channel = CreateChannel(runner->addresses()[0]);
  EXPECT_EQ(Tokenize(channel, (4 << 20) - 64), grpc::StatusCode::OK);
  EXPECT_EQ(Tokenize(channel, (4 << 20) + 64), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Tokenize(channel, (16 << 20) + 64), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ChannelTest, ChannelsToOneAddressDoNotShareAConnection) {
  const auto runner = StartServer("127.0.0.1:0");
  const std::string first = Abort(CreateChannel(runner->addresses()[0])).error_message();
  const auto channel = CreateChannel(runner->addresses()[0]);
  const std::string second = Abort(channel).error_message();
  EXPECT_NE(first, second);
  EXPECT_EQ(Abort(channel).error_message(), second);
}

TEST_F(ChannelTest, ReconnectsSoonAfterALongAbsence) {
  const std::string address = "unix:" + directory_.path() + "/x.sock";
  const auto channel = CreateChannel(ParseDialAddress(address).value());
  EXPECT_EQ(Abort(channel).error_code(), grpc::StatusCode::UNAVAILABLE);
  // Waits for gRPC's own attempts to fail a few times.
  const auto absent_until = std::chrono::system_clock::now() + std::chrono::seconds(2);
  EXPECT_FALSE(channel->WaitForConnected(absent_until));

  const auto runner = StartServer(address);
  // Back-off is at most 1 s and jitter 20 %; the rest is for a busy machine.
  EXPECT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                        std::chrono::milliseconds(5000)));
  EXPECT_EQ(Abort(channel).error_code(), grpc::StatusCode::ABORTED);
}

}  // namespace
}  // namespace chimera
