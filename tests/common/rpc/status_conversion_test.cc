#include "common/rpc/status_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/rpc/server_runner.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Fails every Abort with the status that it is told.
class FailingService final : public v1::GenerationService::CallbackService {
 public:
  explicit FailingService(absl::Status status) : status_(std::move(status)) {}

  grpc::ServerUnaryReactor* Abort(grpc::CallbackServerContext* context, const v1::AbortRequest*,
                                  v1::AbortResponse*) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(ToGrpcStatus(status_, context));
    return reactor;
  }

 private:
  const absl::Status status_;
};

// What a client sees of a call that a server finished with `status`.
absl::Status SendOverTheWire(const absl::Status& status) {
  FailingService service(status);
  ServerRunner runner({});
  runner.AddService(&service, v1::GenerationService::service_full_name());
  CHIMERA_EXPECT_OK(runner.Start());
  const auto stub = v1::GenerationService::NewStub(runner.InProcessChannel());
  grpc::ClientContext context;
  v1::AbortResponse response;
  const grpc::Status received = stub->Abort(&context, v1::AbortRequest(), &response);
  return FromGrpcStatus(received, context);
}

// 1 to 16 are the canonical error codes (google/rpc/code.proto); 0 is OK.
class ErrorCodeTest : public ::testing::TestWithParam<int> {};

TEST_P(ErrorCodeTest, SurvivesTheWireWithItsMessage) {
  const auto code = static_cast<absl::StatusCode>(GetParam());
  EXPECT_EQ(SendOverTheWire(absl::Status(code, "why é")), absl::Status(code, "why é"));
}

TEST_P(ErrorCodeTest, SurvivesTheWireWithItsReason) {
  const auto code = static_cast<absl::StatusCode>(GetParam());
  const absl::Status received =
      SendOverTheWire(ErrorWithReason(code, v1::ERROR_REASON_QUEUE_FULL, "a.b", "why"));
  EXPECT_THAT(received, StatusIs(code, "why"));
  const auto detail = GetErrorDetail(received);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason(), v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_EQ(detail->field(), "a.b");
}

INSTANTIATE_TEST_SUITE_P(All, ErrorCodeTest, ::testing::Range(1, 17));

TEST(StatusConversionTest, OkStaysOk) {
  CHIMERA_EXPECT_OK(SendOverTheWire(absl::OkStatus()));
  EXPECT_FALSE(GetErrorDetail(absl::OkStatus()).has_value());
}

TEST(StatusConversionTest, UnknownCodesBecomeUnknown) {
  const grpc::ClientContext context;
  // All in the range that the enumeration's bits can hold; others are undefined behaviour.
  for (const int code : {-2, -1, 17, 31}) {
    const grpc::Status status(static_cast<grpc::StatusCode>(code), "odd");
    EXPECT_THAT(FromGrpcStatus(status, context), StatusIs(absl::StatusCode::kUnknown, "odd"));
  }
}

TEST(StatusConversionTest, NoReasonGivesNoDetail) {
  EXPECT_FALSE(GetErrorDetail(SendOverTheWire(absl::NotFoundError("x"))).has_value());
}

TEST(StatusConversionTest, LongMessagesAreCutBetweenCharacters) {
  std::string message = "a";
  for (int i = 0; i < 100000; ++i) message += "é";
  const absl::Status received =
      SendOverTheWire(ErrorWithReason(absl::StatusCode::kInternal, v1::ERROR_REASON_BACKEND_FAILED,
                                      std::string(100000, 'f'), message));
  EXPECT_THAT(received, StatusIs(absl::StatusCode::kInternal, StartsWith("aé")));
  EXPECT_THAT(std::string(received.message()), SizeIs(1023));
  ASSERT_TRUE(GetErrorDetail(received).has_value());
}

}  // namespace
}  // namespace chimera
