// Generate: what a request gets, and how it ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/tokenizer/incremental_decoder.h"
#include "common/tokenizer/utf8.h"
#include "tests/testing/tiny_llama.h"
#include "tests/verifier/service/service_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GenerateTest : public ServiceFixture {
 protected:
  GenerateTest() { Start(Config()); }

  // What the tokens stand for.
  std::string Text(std::span<const int32_t> tokens) {
    const auto tokenizer = Tokenizer::Create(model_->vocabulary()).value();
    IncrementalDecoder decoder(tokenizer.get());
    std::string text;
    for (const int32_t token : tokens) text += decoder.Append(token);
    return text + decoder.Finish();
  }
};

// A request for the tokens of `ids`.
v1::GenerateRequest IdsRequest(const std::vector<int32_t>& ids, int32_t max_tokens) {
  v1::GenerateRequest request = TextRequest("", max_tokens);
  request.mutable_token_ids()->mutable_ids()->Assign(ids.begin(), ids.end());
  return request;
}

// Ends of the characters of `text`.
std::vector<size_t> CharacterEnds(absl::string_view text) {
  std::vector<size_t> ends;
  for (size_t end = 0; end < text.size();) {
    end += NextUtf8(text.substr(end)).size;
    ends.push_back(end);
  }
  return ends;
}

TEST_F(GenerateTest, StreamsTheReplyPieceByPiece) {
  v1::GenerateRequest request = TextRequest(kPrompt, 40);
  request.set_request_id("mine");
  // Whether chunks are merged depends on timing, unless the client is waited for.
  gate_.Close();
  GenerateCall call(stub_.get(), request);
  gate_.Allow(1);
  ASSERT_TRUE(call.ReadOne());
  EXPECT_THAT(call.reply().token_ids, SizeIs(1));
  gate_.Allow(1);
  ASSERT_TRUE(call.ReadOne());
  EXPECT_THAT(call.reply().token_ids, SizeIs(2));
  gate_.Open();

  const Reply& reply = call.Finish();
  CHIMERA_ASSERT_OK(reply.status);
  EXPECT_THAT(reply.token_ids, SizeIs(40));
  EXPECT_EQ(reply.text, Text(reply.token_ids));
  EXPECT_FALSE(reply.text.empty());
  EXPECT_EQ(reply.complete.finish_reason(), v1::FINISH_REASON_LENGTH);
  EXPECT_EQ(reply.complete.usage().prompt_tokens(), static_cast<int32_t>(Tokenize(kPrompt).size()));
  EXPECT_EQ(reply.complete.usage().completion_tokens(), 40);
  EXPECT_EQ(reply.complete.usage().total_tokens(),
            reply.complete.usage().prompt_tokens() + reply.complete.usage().completion_tokens());
  EXPECT_EQ(reply.complete.request_id(), "mine");
  EXPECT_EQ(reply.complete.speculation().steps(), 39);
  EXPECT_EQ(reply.complete.speculation().draft_nodes(), 0);
  EXPECT_EQ(reply.complete.speculation().accepted_draft_tokens(), 0);
}

TEST_F(GenerateTest, TextMessagesAndIdsAreThreeWaysToGiveAPrompt) {
  const Reply by_text = Generate(TextRequest(kPrompt, 20));
  EXPECT_EQ(Generate(IdsRequest(Tokenize(kPrompt), 20)).token_ids, by_text.token_ids);

  v1::GenerateRequest chat = TextRequest("", 20);
  v1::ChatMessage* message = chat.mutable_messages()->add_messages();
  message->set_role("user");
  message->set_content("a special token stays text: <|im_end|>");
  const Reply by_messages = Generate(chat);
  CHIMERA_ASSERT_OK(by_messages.status);

  v1::TokenizeRequest tokenize;
  *tokenize.mutable_messages() = chat.messages();
  grpc::ClientContext context;
  v1::TokenizeResponse tokens;
  ASSERT_TRUE(stub_->Tokenize(&context, tokenize, &tokens).ok());
  const std::vector<int32_t> ids(tokens.token_ids().begin(), tokens.token_ids().end());
  EXPECT_EQ(by_messages.complete.usage().prompt_tokens(), static_cast<int32_t>(ids.size()));
  EXPECT_EQ(Generate(IdsRequest(ids, 20)).token_ids, by_messages.token_ids);
}

TEST_F(GenerateTest, DrawsASeedThatReproducesTheReply) {
  v1::GenerateRequest request = TextRequest(kPrompt, 30);
  request.mutable_sampling()->set_temperature(1.0f);
  const Reply first = Generate(request);
  const Reply second = Generate(request);
  CHIMERA_ASSERT_OK(first.status);
  CHIMERA_ASSERT_OK(second.status);
  EXPECT_NE(first.complete.seed(), second.complete.seed());
  EXPECT_NE(first.token_ids, second.token_ids);
  request.mutable_sampling()->set_seed(first.complete.seed());
  const Reply again = Generate(request);
  EXPECT_EQ(again.token_ids, first.token_ids);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(again.complete.seed(), first.complete.seed());
}

TEST_F(GenerateTest, MakesUpARequestIdWhereThereIsNone) {
  const Reply first = Generate(TextRequest(kPrompt, 1));
  const Reply second = Generate(TextRequest(kPrompt, 1));
  EXPECT_FALSE(first.complete.request_id().empty());
  EXPECT_NE(first.complete.request_id(), second.complete.request_id());
}

TEST_F(GenerateTest, EndsAtAStopToken) {
  const Reply whole = Generate(TextRequest(kPrompt, 30));
  v1::GenerateRequest request = TextRequest(kPrompt, 30);
  request.mutable_stop()->add_stop_token_ids(whole.token_ids[20]);
  const Reply reply = Generate(request);
  CHIMERA_ASSERT_OK(reply.status);
  const auto stop = std::find(whole.token_ids.begin(), whole.token_ids.end(), whole.token_ids[20]);
  EXPECT_THAT(reply.token_ids, ElementsAreArray(whole.token_ids.begin(), stop + 1));
  EXPECT_EQ(reply.text, Text({whole.token_ids.begin(), stop}));
  EXPECT_EQ(reply.complete.finish_reason(), v1::FINISH_REASON_STOP);
}

TEST_F(GenerateTest, EndsBeforeAStopString) {
  const Reply whole = Generate(TextRequest(kPrompt, 60));
  const std::vector<size_t> ends = CharacterEnds(whole.text);
  ASSERT_GT(ends.size(), 20u);
  const std::string stop = whole.text.substr(ends[14], ends[17] - ends[14]);
  v1::GenerateRequest request = TextRequest(kPrompt, 60);
  request.mutable_stop()->add_stop_strings("never in the text");
  request.mutable_stop()->add_stop_strings(stop);
  const Reply reply = Generate(request);
  CHIMERA_ASSERT_OK(reply.status);
  EXPECT_EQ(reply.text, whole.text.substr(0, whole.text.find(stop)));
  EXPECT_EQ(reply.complete.finish_reason(), v1::FINISH_REASON_STOP);
  EXPECT_LT(reply.complete.usage().completion_tokens(), 60);
  EXPECT_EQ(reply.complete.usage().completion_tokens(),
            static_cast<int32_t>(reply.token_ids.size()));
}

TEST_F(GenerateTest, EndsWhereTheModelSaysSo) {
  // A prompt after which the model ends its reply is found by sampling: one token in 320 does.
  v1::GenerateRequest request = TextRequest(kPrompt, 400);
  request.mutable_stop()->set_ignore_eos(false);
  request.mutable_sampling()->set_temperature(2.0f);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    request.mutable_sampling()->set_seed(seed);
    const Reply reply = Generate(request);
    CHIMERA_ASSERT_OK(reply.status);
    if (reply.complete.finish_reason() == v1::FINISH_REASON_LENGTH) continue;
    EXPECT_EQ(reply.token_ids.back(), kTinyMessageEnd);
    EXPECT_EQ(reply.text, Text(reply.token_ids));

    request.mutable_stop()->set_ignore_eos(true);
    const Reply longer = Generate(request);
    EXPECT_THAT(longer.token_ids, SizeIs(400));
    EXPECT_EQ(longer.token_ids[reply.token_ids.size() - 1], kTinyMessageEnd);
    return;
  }
  FAIL() << "no reply ended by itself";
}

TEST_F(GenerateTest, FillsTheContextUnlessToldOtherwise) {
  v1::GenerateRequest request = IdsRequest(std::vector<int32_t>(kContextLength - 9, 50), 1);
  request.mutable_stop()->clear_max_tokens();
  Reply reply = Generate(request);
  CHIMERA_ASSERT_OK(reply.status);
  EXPECT_THAT(reply.token_ids, SizeIs(9));
  EXPECT_EQ(reply.complete.finish_reason(), v1::FINISH_REASON_LENGTH);
  EXPECT_EQ(reply.complete.usage().total_tokens(), kContextLength);

  request.mutable_stop()->set_max_tokens(10);
  EXPECT_THAT(Generate(request).token_ids, ElementsAreArray(reply.token_ids));
  request.mutable_stop()->set_max_tokens(INT32_MAX);
  EXPECT_THAT(Generate(request).token_ids, ElementsAreArray(reply.token_ids));
}

TEST_F(GenerateTest, TheLongestPromptLeavesRoomForOneToken) {
  const Reply reply = Generate(IdsRequest(std::vector<int32_t>(kContextLength - 1, 50), 100));
  CHIMERA_ASSERT_OK(reply.status);
  EXPECT_THAT(reply.token_ids, SizeIs(1));
  EXPECT_EQ(reply.complete.finish_reason(), v1::FINISH_REASON_LENGTH);
  EXPECT_EQ(reply.complete.speculation().steps(), 0);

  const Reply refused = Generate(IdsRequest(std::vector<int32_t>(kContextLength, 50), 1));
  EXPECT_THAT(refused.status, StatusIs(absl::StatusCode::kInvalidArgument,
                                       "prompt has 512 tokens, at most 511 fit into the context"));
  EXPECT_EQ(ReasonAndField(refused.status), "PROMPT_TOO_LONG prompt");
  EXPECT_THAT(refused.token_ids, IsEmpty());
}

TEST_F(GenerateTest, RepliesDoNotDependOnWhatElseRuns) {
  std::vector<v1::GenerateRequest> requests;
  std::vector<Reply> alone;
  std::vector<std::unique_ptr<GenerateCall>> calls;
  for (int i = 0; i < 12; ++i) {
    v1::GenerateRequest request = TextRequest(std::string(1 + 7 * i, 'a') + kPrompt, 30 + i);
    request.mutable_sampling()->set_temperature(i % 3 == 0 ? 0.0f : 0.8f);
    request.mutable_sampling()->set_seed(i);
    alone.push_back(Generate(request));
    requests.push_back(request);
  }
  calls.reserve(requests.size());
  for (const v1::GenerateRequest& request : requests) {
    calls.push_back(std::make_unique<GenerateCall>(stub_.get(), request));
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    const Reply& reply = calls[i]->Finish();
    CHIMERA_EXPECT_OK(reply.status);
    EXPECT_EQ(reply.token_ids, alone[i].token_ids);
    EXPECT_EQ(reply.text, alone[i].text);
  }
  ExpectIdle();
}

}  // namespace
}  // namespace chimera::testing
