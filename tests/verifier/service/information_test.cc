// Tokenize, Detokenize, GetModelInfo and GetServerInfo.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/version.h"
#include "tests/testing/tiny_llama.h"
#include "tests/verifier/service/service_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class InformationTest : public ServiceFixture {
 protected:
  absl::StatusOr<std::string> Detokenize(const std::vector<int32_t>& ids) {
    v1::DetokenizeRequest request;
    request.mutable_token_ids()->Assign(ids.begin(), ids.end());
    grpc::ClientContext context;
    v1::DetokenizeResponse response;
    const grpc::Status status = stub_->Detokenize(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status, context);
    return response.text();
  }

  v1::GetModelInfoResponse ModelInfo() {
    grpc::ClientContext context;
    v1::GetModelInfoResponse response;
    EXPECT_TRUE(stub_->GetModelInfo(&context, {}, &response).ok());
    return response;
  }
};

TEST_F(InformationTest, TokenizesAndDetokenizes) {
  Start(Config());
  for (const std::string& text :
       {std::string("the rain in the other lot"), std::string("é, 汉字 and 🎉"), std::string(1, 0),
        std::string(3000, 'x'), std::string()}) {
    EXPECT_THAT(Detokenize(Tokenize(text)), IsOk());
    EXPECT_EQ(*Detokenize(Tokenize(text)), text);
  }
  EXPECT_THAT(Tokenize("a<|im_end|>"), Contains(kTinyMessageEnd));
  // Control tokens are no text, and bytes that are no characters become U+FFFD.
  EXPECT_EQ(*Detokenize({kTinyMessageStart, kTinyFirstByteToken + 'a', kTinyMessageEnd}), "a");
  EXPECT_EQ(*Detokenize({kTinyFirstByteToken + 0xc3}), "\uFFFD");
  EXPECT_EQ(*Detokenize({kTinyFirstByteToken + 0xff, kTinyFirstByteToken + 'b'}), "\uFFFDb");
}

TEST_F(InformationTest, DetokenizeNamesTheFirstIdOutOfRange) {
  Start(Config());
  const auto negative = Detokenize({5, -1, -2});
  EXPECT_THAT(negative, StatusIs(absl::StatusCode::kInvalidArgument,
                                 "token_ids[1] is -1, must be in [0, 320)"));
  EXPECT_EQ(ReasonAndField(negative.status()), "INVALID_FIELD token_ids[1]");
  EXPECT_THAT(Detokenize({320}), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("token_ids[0] is 320, must be in [0, 320)")));
}

TEST_F(InformationTest, DetokenizeGivesAtMostAsMuchTextAsTokenizeTakes) {
  Start(Config());
  const std::vector<int32_t> ids((4 << 20) + 1, kTinyFirstByteToken + 'a');
  const auto text = Detokenize(ids);
  EXPECT_THAT(text, StatusIs(absl::StatusCode::kInvalidArgument,
                             "token_ids stands for more than 4194304 bytes of text"));
  EXPECT_EQ(Detokenize({ids.begin(), ids.end() - 1})->size(), 4u << 20);
  const std::string longest(4 << 20, 'a');
  EXPECT_EQ(*Detokenize(Tokenize(longest)), longest);
}

TEST_F(InformationTest, TokenizeRefusesWhatGenerateWould) {
  Start(Config());
  grpc::ClientContext context;
  v1::TokenizeResponse response;
  const absl::Status nothing =
      FromGrpcStatus(stub_->Tokenize(&context, v1::TokenizeRequest(), &response), context);
  EXPECT_THAT(nothing,
              StatusIs(absl::StatusCode::kInvalidArgument, "input is required: text or messages"));
  EXPECT_EQ(ReasonAndField(nothing), "INVALID_FIELD input");

  v1::TokenizeRequest request;
  request.mutable_messages()->add_messages()->set_role("oracle");
  grpc::ClientContext other_context;
  EXPECT_THAT(FromGrpcStatus(stub_->Tokenize(&other_context, request, &response), other_context),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "messages.messages[0].role \"oracle\" is not one of system, user, "
                       "assistant"));
}

TEST_F(InformationTest, TellsWhatTheModelIs) {
  Start(Config());
  const v1::GetModelInfoResponse info = ModelInfo();
  EXPECT_EQ(info.name(), "tiny");
  EXPECT_THAT(info.numerics_id(), HasSubstr("cpu-"));
  EXPECT_EQ(info.fingerprint().identity(), model_->fingerprint().identity);
  EXPECT_EQ(info.fingerprint().weights(), model_->fingerprint().weights);
  EXPECT_EQ(info.vocab_size(), 320);
  EXPECT_EQ(info.context_length(), kContextLength);
  EXPECT_EQ(info.layer_count(), 2);
  EXPECT_EQ(info.hidden_size(), 64);
  EXPECT_EQ(info.eos_token_id(), kTinyMessageEnd);
}

TEST_F(InformationTest, AModelNameThatIsNotUtf8DoesNoHarm) {
  const std::string path = directory_.path() + "/tiny.gguf";
  GgufWriter writer = BuildTinyLlama({});
  writer.SetString("general.name", "tiny \xff");
  WriteFile(path, writer.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(model_, LlamaModel::Open(path));
  Start(Config());
  EXPECT_THAT(ModelInfo().name(), StartsWith("tiny "));
}

TEST_F(InformationTest, ASmallPoolShortensTheContext) {
  VerifierConfig config = Config();
  config.kv_page_count = 4;
  Start(config);
  EXPECT_EQ(ModelInfo().context_length(), 64);
  v1::GenerateRequest request = TextRequest(std::string(64, '.'), 1);
  EXPECT_THAT(Generate(request).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 63 fit")));
  request.set_text(std::string(60, '.'));
  request.mutable_stop()->clear_max_tokens();
  EXPECT_EQ(Generate(request).complete.usage().total_tokens(), 64);
  ExpectIdle();
}

TEST_F(InformationTest, TellsItsLoad) {
  VerifierConfig config = Config();
  config.engine.max_running_requests = 2;
  config.engine.max_waiting_requests = 7;
  config.kv_page_count = 10;
  Start(config);
  v1::GetServerInfoResponse info = ServerInfo();
  EXPECT_EQ(info.version(), kVersion);
  EXPECT_EQ(info.max_running_requests(), 2);
  EXPECT_EQ(info.max_waiting_requests(), 7);
  EXPECT_EQ(info.kv_page_count(), 10);
  EXPECT_EQ(info.free_kv_page_count(), 10);
  EXPECT_FALSE(info.draining());
  EXPECT_EQ(info.drafters_size(), 0);

  gate_.Close();
  // Pages are taken as they are needed: one each for the first 16 positions.
  const v1::GenerateRequest request = TextRequest("....", 28);
  ASSERT_EQ(Tokenize(request.text()).size(), 4u);
  std::vector<std::unique_ptr<GenerateCall>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(std::make_unique<GenerateCall>(stub_.get(), request));
    // The engine admits between steps.
    ASSERT_TRUE(i == 0 ? WaitForLoad(1, 0) : WaitForLoad(i, 1));
    if (i == 1) {
      gate_.Allow(1);
      ASSERT_TRUE(WaitForLoad(2, 0));
    }
  }
  info = ServerInfo();
  EXPECT_EQ(info.running_requests(), 2);
  EXPECT_EQ(info.waiting_requests(), 1);
  EXPECT_EQ(info.free_kv_page_count(), 8);
  gate_.Open();
  for (const auto& call : calls) CHIMERA_EXPECT_OK(call->Finish().status);
  ExpectIdle();
}

}  // namespace
}  // namespace chimera::testing
