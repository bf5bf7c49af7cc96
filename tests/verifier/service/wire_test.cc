// Bytes on the wire that our own client would not send.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>

#include "common/rpc/channel.h"
#include "tests/verifier/service/service_fixture.h"

namespace chimera::testing {
namespace {

constexpr char kPackage[] = "/chimera.v1.GenerationService/";

class WireTest : public ServiceFixture {
 protected:
  WireTest() {
    Start(Config());
    channel_ = CreateChannel(SocketAddress("verifier"));
  }

  // Sends `bytes` as the request of a call and returns how the call ends.
  grpc::Status Send(const std::string& method, const std::string& bytes) {
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    grpc::GenericStub stub(channel_);
    const auto call = stub.PrepareCall(&context, kPackage + method, &queue);
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      EXPECT_TRUE(queue.Next(&tag, &ok));
      return ok;
    };
    grpc::Status status;
    call->StartCall(nullptr);
    if (next()) {
      const grpc::Slice slice(bytes);
      call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
      next();
      grpc::ByteBuffer response;
      do {
        call->Read(&response, nullptr);
      } while (next());
    }
    call->Finish(&status, nullptr);
    next();
    return status;
  }

  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(WireTest, TextThatIsNotUtf8IsRefused) {
  v1::GenerateRequest request = TextRequest("the rain", 3);
  std::string bytes = request.SerializeAsString();
  EXPECT_TRUE(Send("Generate", bytes).ok());
  bytes[bytes.find("rain")] = '\xff';
  EXPECT_FALSE(Send("Generate", bytes).ok());
  EXPECT_TRUE(Send("Generate", request.SerializeAsString()).ok());
}

TEST_F(WireTest, AMessageBeyondTheLimitIsRefused) {
  // Beyond what our own channels send, so that it is the server that refuses.
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(SocketAddress("verifier").ToString(),
                                       grpc::InsecureChannelCredentials(), arguments);
  const v1::GenerateRequest request = TextRequest(std::string(17 << 20, 'a'), 3);
  EXPECT_EQ(Send("Generate", request.SerializeAsString()).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Send("Generate", TextRequest("the rain", 3).SerializeAsString()).ok());
}

// Flips, cuts and repeats bytes of good requests. Every call ends in time and the server goes on.
TEST_F(WireTest, MangledRequestsDoNoHarm) {
  v1::GenerateRequest generate = TextRequest("the rain in the other lot", 3);
  generate.mutable_sampling()->set_temperature(0.7f);
  generate.mutable_sampling()->set_seed(3);
  generate.mutable_stop()->add_stop_strings("abc");
  generate.mutable_speculation()->set_max_nodes(4);
  v1::TokenizeRequest tokenize;
  tokenize.mutable_messages()->add_messages()->set_role("user");
  v1::DetokenizeRequest detokenize;
  for (int i = 0; i < 10; ++i) detokenize.add_token_ids(i * 30);
  const std::pair<std::string, std::string> requests[] = {
      {"Generate", generate.SerializeAsString()},
      {"Tokenize", tokenize.SerializeAsString()},
      {"Detokenize", detokenize.SerializeAsString()},
  };
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    auto [method, bytes] = requests[random() % std::size(requests)];
    for (int change = 0; change <= static_cast<int>(random() % 3); ++change) {
      const size_t at = random() % bytes.size();
      if (random() % 4 == 0) bytes.insert(at, bytes.substr(0, random() % bytes.size()));
      if (random() % 4 == 0) bytes.resize(at + 1);
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    }
    const grpc::StatusCode code = Send(method, bytes).error_code();
    EXPECT_NE(code, grpc::StatusCode::DEADLINE_EXCEEDED) << method << " round " << round;
    EXPECT_NE(code, grpc::StatusCode::UNAVAILABLE) << method << " round " << round;
  }
  ExpectIdle();
  EXPECT_TRUE(Send("Generate", generate.SerializeAsString()).ok());
}

}  // namespace
}  // namespace chimera::testing
