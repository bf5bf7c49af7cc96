#include "tools/chimera/bench/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/chimera/json.h"

namespace chimera {
namespace {

Reply MakeReply(int tokens, int steps, int draft_nodes) {
  Reply reply;
  for (int i = 0; i < tokens; ++i) reply.token_ids.push_back(10 + i);
  reply.text = "text";
  reply.complete.set_finish_reason(v1::FINISH_REASON_LENGTH);
  reply.complete.mutable_usage()->set_prompt_tokens(4);
  reply.complete.mutable_usage()->set_completion_tokens(tokens);
  reply.complete.mutable_usage()->set_total_tokens(4 + tokens);
  reply.complete.mutable_speculation()->set_steps(steps);
  reply.complete.mutable_speculation()->set_draft_nodes(draft_nodes);
  reply.complete.mutable_speculation()->set_accepted_draft_tokens(tokens - 1 - steps);
  return reply;
}

TEST(ResultLineTest, HasTheDocumentedFields) {
  EXPECT_EQ(DumpJson(ResultLine(2, v1::SPECULATION_MODE_AUTO, MakeReply(3, 1, 6))),
            R"({"index":2,"mode":"auto","token_ids":[10,11,12],"text":"text",)"
            R"("finish_reason":"length","usage":{"prompt_tokens":4,"completion_tokens":3,)"
            R"("total_tokens":7},)"
            R"("speculation":{"steps":1,"draft_nodes":6,"accepted_draft_tokens":1}})");
}

TEST(ResultLineTest, BrokenUtf8BecomesReplacementCharacters) {
  Reply reply = MakeReply(1, 0, 0);
  reply.text = "a\xff";
  EXPECT_THAT(DumpJson(ResultLine(0, v1::SPECULATION_MODE_OFF, reply)),
              ::testing::HasSubstr("\"text\":\"a\xef\xbf\xbd\""));
}

TEST(SummarizeTest, AddsUpFigures) {
  const std::vector<ModeResult> modes = {
      {v1::SPECULATION_MODE_OFF, {MakeReply(5, 4, 0), MakeReply(11, 10, 0)}, 4.0},
      {v1::SPECULATION_MODE_AUTO, {MakeReply(5, 2, 9), MakeReply(11, 5, 12)}, 2.0}};
  const auto lines = Summarize(modes);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(DumpJson(lines[0]),
            R"({"mode":"off","prompts":2,"tokens":16,"seconds":4.0,"tokens_per_second":4.0,)"
            R"("steps":14,"tokens_per_step":1.0,"draft_nodes_per_step":0.0,)"
            R"("identical_to_first_mode":true})");
  EXPECT_EQ(DumpJson(lines[1]),
            R"({"mode":"auto","prompts":2,"tokens":16,"seconds":2.0,"tokens_per_second":8.0,)"
            R"("steps":7,"tokens_per_step":2.0,"draft_nodes_per_step":3.0,)"
            R"("identical_to_first_mode":true})");
}

TEST(SummarizeTest, FiguresWithoutStepsAreNull) {
  const std::vector<ModeResult> modes = {{v1::SPECULATION_MODE_OFF, {MakeReply(1, 0, 0)}, 1.0}};
  const auto lines = Summarize(modes);
  EXPECT_TRUE(lines[0]["tokens_per_step"].is_null());
  EXPECT_TRUE(lines[0]["draft_nodes_per_step"].is_null());
}

TEST(SummarizeTest, NoticesEveryKindOfDifference) {
  const ModeResult first = {v1::SPECULATION_MODE_OFF, {MakeReply(5, 4, 0), MakeReply(6, 5, 0)}, 1};
  const auto is_identical = [&](auto change) {
    ModeResult second = first;
    change(second.replies[1]);
    return Summarize(std::vector<ModeResult>{first, second})[1]["identical_to_first_mode"] == true;
  };
  EXPECT_TRUE(is_identical([](Reply& reply) { reply.complete.set_seed(9); }));
  EXPECT_FALSE(is_identical([](Reply& reply) { reply.token_ids[3] = 0; }));
  EXPECT_FALSE(is_identical([](Reply& reply) { reply.token_ids.pop_back(); }));
  EXPECT_FALSE(is_identical([](Reply& reply) { reply.text += " "; }));
  EXPECT_FALSE(
      is_identical([](Reply& reply) { reply.complete.set_finish_reason(v1::FINISH_REASON_STOP); }));
}

}  // namespace
}  // namespace chimera
