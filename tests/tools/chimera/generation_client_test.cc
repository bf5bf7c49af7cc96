#include "tools/chimera/generation_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/channel.h"
#include "common/rpc/status_conversion.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/fake_server.h"
#include "tests/tools/chimera/test_files.h"
#include "tools/chimera/report.h"

namespace chimera {
namespace {

using ::chimera::testing::FakeCall;
using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GenerationClientTest : public ::testing::Test {
 protected:
  absl::StatusOr<Reply> Generate(const ChunkHandler& on_chunk = nullptr) {
    v1::GenerateRequest request;
    request.set_text("hello");
    return client_.Generate(request, on_chunk);
  }

  testing::TestFiles files_;
  const Address address_{.unix_path = files_.Path("s")};
  testing::FakeGenerationService service_;
  testing::FakeServer server_{address_, &service_};
  Cancellation cancellation_;
  GenerationClient client_{CreateChannel(address_), &cancellation_};
};

TEST_F(GenerationClientTest, StreamsAndCollectsAReply) {
  std::vector<std::string> texts;
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Reply reply, Generate([&](const v1::GenerateChunk& chunk) {
                                 texts.push_back(chunk.text());
                               }));
  EXPECT_THAT(texts, ElementsAre("You", " said hello"));
  EXPECT_EQ(reply.text, "You said hello");
  EXPECT_THAT(reply.token_ids, ElementsAre(1, 2, 3));
  EXPECT_EQ(reply.complete.usage().completion_tokens(), 3);
}

TEST_F(GenerationClientTest, KeepsCodeMessageAndDetailOfAFailure) {
  service_.SetScript([](const FakeCall& call) {
    return ToGrpcStatus(
        ErrorWithReason(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD,
                        "sampling.top_k", "must not be negative"),
        call.context);
  });
  const absl::Status status = Generate().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "must not be negative"));
  EXPECT_EQ(DescribeError(status),
            "INVALID_ARGUMENT: must not be negative (INVALID_FIELD, sampling.top_k)");
}

TEST_F(GenerationClientTest, AFailureAfterTokensIsAFailure) {
  service_.SetScript([](const FakeCall& call) {
    call.SendChunk({1}, "a");
    return grpc::Status(grpc::StatusCode::INTERNAL, "the device failed");
  });
  EXPECT_EQ(DescribeError(Generate().status()), "INTERNAL: the device failed");
}

TEST_F(GenerationClientTest, AReplyWithoutEndIsAFailure) {
  service_.SetScript([](const FakeCall& call) {
    call.SendChunk({1}, "a");
    return grpc::Status::OK;
  });
  EXPECT_THAT(Generate(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("before the reply's end")));
}

TEST_F(GenerationClientTest, AReplyThatGoesOnAfterItsEndIsAFailure) {
  service_.SetScript([](const FakeCall& call) {
    testing::SayThreeWords(call);
    call.SendChunk({1}, "a");
    return grpc::Status::OK;
  });
  EXPECT_THAT(Generate(), StatusIs(absl::StatusCode::kInternal, HasSubstr("went on")));
}

TEST_F(GenerationClientTest, AMessageOfUnknownKindIsAFailure) {
  service_.SetScript([](const FakeCall& call) {
    call.writer->Write(v1::GenerateResponse());
    return grpc::Status::OK;
  });
  EXPECT_THAT(Generate(), StatusIs(absl::StatusCode::kInternal, HasSubstr("unknown kind")));
}

TEST_F(GenerationClientTest, CancellationEndsAnEndlessReplyAndLaterCalls) {
  service_.SetScript([](const FakeCall& call) {
    while (call.SendChunk({1}, "a")) {
    }
    return grpc::Status::CANCELLED;
  });
  EXPECT_THAT(Generate([&](const v1::GenerateChunk&) { cancellation_.Cancel(); }),
              StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_THAT(Generate(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_THAT(client_.GetModelInfo(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
}

TEST_F(GenerationClientTest, AServerThatIsNotThereIsUnavailable) {
  GenerationClient client(CreateChannel({.unix_path = "/nowhere/s"}), &cancellation_);
  EXPECT_THAT(client.GetServerInfo(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/nowhere/s")));
}

TEST(DescribeErrorTest, ReasonsOfANewerServerShowTheirNumber) {
  const absl::Status status =
      ErrorWithReason(absl::StatusCode::kInternal, static_cast<v1::ErrorReason>(99), "", "odd");
  EXPECT_EQ(DescribeError(status), "INTERNAL: odd (reason 99)");
}

}  // namespace
}  // namespace chimera
