#include "tests/e2e/mixed_client.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "tests/e2e/load_client.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

constexpr RequestShape kShape = {.min_prompt = 1,
                                 .max_prompt = 120,
                                 .min_tokens = 1,
                                 .max_tokens = 40,
                                 .first_token_id = kTinyFirstByteToken,
                                 .last_token_id = kTinyFirstByteToken + 255};
constexpr const char* kEnds[] = {"read", "cancelled", "aborted", "late"};

}  // namespace

v1::GenerateRequest MixedClient::MakeRequest() {
  v1::GenerateRequest request = RandomRequest(kShape, &random_);
  // Half of them share their beginnings, so that pages have several holders.
  if (random_() % 2 == 0) {
    auto& ids = *request.mutable_token_ids()->mutable_ids();
    for (int i = 0; i < ids.size(); ++i) ids[i] = kTinyFirstByteToken + i;
  }
  request.mutable_sampling()->set_temperature(random_() % 2 == 0 ? 0.0f : 1.0f);
  request.mutable_sampling()->set_seed(random_());
  return request;
}

void MixedClient::SendOne() {
  const uint32_t kind = random_() % 10;
  if (kind < 7) {
    Leave(kEnds[kind % std::size(kEnds)]);
  } else if (kind == 7) {
    LoseConnection();
  } else if (kind == 8) {
    SendInvalid();
  } else {
    CallOthers();
  }
}

void MixedClient::Leave(const std::string& how) {
  ++counts_[how];
  v1::GenerateRequest request = MakeRequest();
  request.set_request_id("mixed-" + std::to_string(random_()) + std::to_string(random_()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       (how == "late" ? std::chrono::milliseconds(1 + random_() % 20)
                                      : std::chrono::milliseconds(60000)));
  const auto reader = stub_->Generate(&context, request);
  v1::GenerateResponse response;
  int32_t tokens = 0;
  uint32_t left = how == "read" || how == "late" ? UINT32_MAX : random_() % 20;
  for (; left > 0 && reader->Read(&response); --left) tokens += response.chunk().token_ids_size();
  if (how == "cancelled") context.TryCancel();
  if (how == "aborted") {
    v1::AbortRequest abort;
    abort.set_request_id(request.request_id());
    grpc::ClientContext abort_context;
    v1::AbortResponse aborted;
    stub_->Abort(&abort_context, abort, &aborted);  // NOT_FOUND if it has ended
  }
  while (reader->Read(&response)) tokens += response.chunk().token_ids_size();
  const grpc::Status status = reader->Finish();
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      EXPECT_EQ(tokens, request.stop().max_tokens());
      break;
    case grpc::StatusCode::CANCELLED:
      EXPECT_TRUE(how == "cancelled" || how == "aborted") << how;
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      EXPECT_EQ(how, "late");
      break;
    default:
      EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
          << status.error_message();
  }
}

void MixedClient::LoseConnection() {
  ++counts_["disconnected"];
  const std::unique_ptr<v1::GenerationService::Stub> stub = verifier_.NewStub();
  grpc::ClientContext context;
  const auto reader = stub->Generate(&context, MakeRequest());
  v1::GenerateResponse response;
  for (uint32_t left = random_() % 3; left > 0 && reader->Read(&response); --left) {
  }
  // Destroying a call's reader cancels it, and with its stub goes its connection.
}

void MixedClient::SendInvalid() {
  ++counts_["invalid"];
  v1::GenerateRequest request = MakeRequest();
  switch (random_() % 3) {
    case 0:
      request.mutable_stop()->set_max_tokens(0);
      break;
    case 1:
      request.mutable_token_ids()->add_ids(1 << 20);
      break;
    default:
      request.clear_prompt();
  }
  grpc::ClientContext context;
  const auto reader = stub_->Generate(&context, request);
  v1::GenerateResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

void MixedClient::CallOthers() {
  ++counts_["other calls"];
  grpc::ClientContext tokenize_context;
  v1::TokenizeRequest text;
  text.set_text("the rain in the other lot");
  v1::TokenizeResponse tokens;
  EXPECT_TRUE(stub_->Tokenize(&tokenize_context, text, &tokens).ok());
  grpc::ClientContext detokenize_context;
  v1::DetokenizeRequest ids;
  *ids.mutable_token_ids() = tokens.token_ids();
  v1::DetokenizeResponse detokenized;
  EXPECT_TRUE(stub_->Detokenize(&detokenize_context, ids, &detokenized).ok());
  EXPECT_EQ(detokenized.text(), text.text());
  grpc::ClientContext model_context;
  v1::GetModelInfoResponse model;
  EXPECT_TRUE(stub_->GetModelInfo(&model_context, {}, &model).ok());
  GetServerInfo(stub_.get());
}

}  // namespace chimera::testing
