#include "tools/chimera/bench/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/chimera/bench/markdown.h"
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
  EXPECT_EQ(DumpJson(ResultLine(2, "auto", MakeReply(3, 1, 6))),
            R"({"index":2,"mode":"auto","token_ids":[10,11,12],"text":"text",)"
            R"("finish_reason":"length","usage":{"prompt_tokens":4,"completion_tokens":3,)"
            R"("total_tokens":7},)"
            R"("speculation":{"steps":1,"draft_nodes":6,"accepted_draft_tokens":1}})");
}

TEST(ResultLineTest, BrokenUtf8BecomesReplacementCharacters) {
  Reply reply = MakeReply(1, 0, 0);
  reply.text = "a\xff";
  EXPECT_THAT(DumpJson(ResultLine(0, "off", reply)),
              ::testing::HasSubstr("\"text\":\"a\xef\xbf\xbd\""));
}

const std::vector<BenchPrompt> kPrompts = {{"a", "math"}, {"b", "code"}};

TEST(SummarizeTest, AddsUpFigures) {
  const std::vector<ModeResult> modes = {
      {"off", {MakeReply(5, 4, 0), MakeReply(11, 10, 0)}, {{5, 1.0}, {11, 3.0}}},
      {"auto", {MakeReply(5, 2, 9), MakeReply(11, 5, 12)}, {{5, 0.5}, {11, 1.5}}}};
  const auto lines = Summarize(kPrompts, modes);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(DumpJson(lines[0]),
            R"({"mode":"off","prompts":2,"tokens":16,"seconds":4.0,"tokens_per_second":4.0,)"
            R"("steps":14,"tokens_per_step":1.0,"draft_nodes_per_step":0.0,)"
            R"("identical_to_first_mode":true,"ratio_to_first_mode":null,"step":null,)"
            R"("tokens_per_step_by_category":{"code":1.0,"math":1.0}})");
  EXPECT_EQ(DumpJson(lines[1]),
            R"({"mode":"auto","prompts":2,"tokens":16,"seconds":2.0,"tokens_per_second":8.0,)"
            R"("steps":7,"tokens_per_step":2.0,"draft_nodes_per_step":3.0,)"
            R"("identical_to_first_mode":true,)"
            R"("ratio_to_first_mode":{"blocks":2,"median":2.0,"low":null,"high":null,)"
            R"("confidence":null},"step":null,)"
            R"("tokens_per_step_by_category":{"code":2.0,"math":2.0}})");
}

TEST(SummarizeTest, ComparesBlockByBlock) {
  ModeResult first = {"off", {}, {}};
  ModeResult second = {"auto", {}, {}};
  for (const double ratio : {1.5, 1.0, 2.0, 0.5, 3.0, 1.2, 1.1}) {
    first.blocks.push_back({10, 2});
    second.blocks.push_back({10, 2 / ratio});
  }
  const auto lines = Summarize({}, std::vector<ModeResult>{first, second});
  EXPECT_EQ(DumpJson(lines[1]["ratio_to_first_mode"]),
            R"({"blocks":7,"median":1.2,"low":0.5,"high":3.0,"confidence":0.9844})");
}

TEST(SummarizeTest, SplitsSteps) {
  const std::vector<ModeResult> modes = {
      {"auto",
       {MakeReply(5, 2, 9), MakeReply(5, 2, 9)},
       {{5, 1.0}, {5, 1.0}},
       StepTimes{.steps = 4, .draft = 0.5, .verify = 1, .commit = 0.1, .link = 0.002}}};
  EXPECT_EQ(DumpJson(Summarize(kPrompts, modes)[0]["step"]),
            R"({"steps":4,"ms":500.0,"verify":0.5,"draft":0.25,"link":0.001,"rest":0.249,)"
            R"("link_us":500.0})");
}

TEST(SummarizeTest, FiguresWithoutStepsAreNull) {
  const std::vector<ModeResult> modes = {
      {"off", {MakeReply(1, 0, 0), MakeReply(1, 0, 0)}, {{2, 1.0}}, StepTimes{}}};
  const auto lines = Summarize(kPrompts, modes);
  EXPECT_TRUE(lines[0]["tokens_per_step"].is_null());
  EXPECT_TRUE(lines[0]["draft_nodes_per_step"].is_null());
  EXPECT_TRUE(lines[0]["step"].is_null());
}

TEST(SummarizeTest, NoticesEveryKindOfDifference) {
  const ModeResult first = {"off", {MakeReply(5, 4, 0), MakeReply(6, 5, 0)}, {{11, 1}}};
  const auto is_identical = [&](auto change) {
    ModeResult second = first;
    change(second.replies[1]);
    const std::vector<ModeResult> modes = {first, second};
    return Summarize(kPrompts, modes)[1]["identical_to_first_mode"] == true;
  };
  EXPECT_TRUE(is_identical([](Reply& reply) { reply.complete.set_seed(9); }));
  EXPECT_FALSE(is_identical([](Reply& reply) { reply.token_ids[3] = 0; }));
  EXPECT_FALSE(is_identical([](Reply& reply) { reply.token_ids.pop_back(); }));
  EXPECT_FALSE(is_identical([](Reply& reply) { reply.text += " "; }));
  EXPECT_FALSE(
      is_identical([](Reply& reply) { reply.complete.set_finish_reason(v1::FINISH_REASON_STOP); }));
}

TEST(MarkdownTest, HasATableOfModesAndOneOfCategories) {
  std::vector<ModeResult> modes = {
      {"off", {MakeReply(5, 4, 0), MakeReply(11, 10, 0)}, {}},
      {"auto", {MakeReply(5, 2, 9), MakeReply(11, 5, 12)}, {}, StepTimes{7, 0.3, 0.9, 0.1, 0.06}}};
  for (int i = 0; i < 6; ++i) {
    modes[0].blocks.push_back({1, 0.5});
    modes[1].blocks.push_back({1, 0.25});
  }
  EXPECT_EQ(FormatMarkdown(Summarize(kPrompts, modes)),
            "| mode | tokens/s | tokens per step | to off | 95 % interval | step, ms | verify | "
            "draft | link | rest | same replies |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            "| off | 5.3 | 1.00 | – | – | – | – | – | – | – | yes |\n"
            "| auto | 10.7 | 2.00 | 2.000 | 2.000 to 2.000 | 214.29 | 60.0 % | 20.0 % | 4.0 % | "
            "16.0 % | yes |\n"
            "\n"
            "| tokens per step | off | auto |\n"
            "| --- | ---: | ---: |\n"
            "| code | 1.00 | 2.00 |\n"
            "| math | 1.00 | 2.00 |\n");
}

}  // namespace
}  // namespace chimera
