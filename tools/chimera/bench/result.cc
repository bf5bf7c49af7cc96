#include "tools/chimera/bench/result.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tools/chimera/bench/median.h"
#include "tools/chimera/report.h"

namespace chimera {
namespace {

using Json = nlohmann::ordered_json;

// Rounded to four places, or null.
Json Figure(std::optional<double> value) {
  if (!value.has_value()) return nullptr;
  return std::round(*value * 1e4) / 1e4;
}

std::optional<double> Ratio(double numerator, double denominator) {
  if (denominator <= 0) return std::nullopt;
  return numerator / denominator;
}

bool SameReply(const Reply& a, const Reply& b) {
  return a.token_ids == b.token_ids && a.text == b.text &&
         a.complete.finish_reason() == b.complete.finish_reason();
}

// Sums over replies.
struct ReplySums {
  int64_t tokens = 0;
  int64_t tokens_after_first = 0;
  int64_t steps = 0;
  int64_t draft_nodes = 0;

  void Add(const Reply& reply) {
    const int64_t completion_tokens = reply.complete.usage().completion_tokens();
    tokens += completion_tokens;
    tokens_after_first += std::max<int64_t>(completion_tokens - 1, 0);
    steps += reply.complete.speculation().steps();
    draft_nodes += reply.complete.speculation().draft_nodes();
  }
};

// Of tokens per second, block by block; null for the first mode itself.
Json RatioToFirst(const ModeResult& result, const ModeResult& first) {
  if (&result == &first) return nullptr;
  std::vector<double> ratios;
  for (size_t i = 0; i < result.blocks.size(); ++i) {
    const auto rate = Ratio(result.blocks[i].tokens, result.blocks[i].seconds);
    const auto first_rate = Ratio(first.blocks[i].tokens, first.blocks[i].seconds);
    const auto ratio = Ratio(rate.value_or(0), first_rate.value_or(0));
    if (ratio.has_value()) ratios.push_back(*ratio);
  }
  if (ratios.empty()) return nullptr;
  const MedianEstimate estimate = EstimateMedian(ratios);
  Json json = {{"blocks", ratios.size()},
               {"median", Figure(estimate.median)},
               {"low", nullptr},
               {"high", nullptr},
               {"confidence", nullptr}};
  if (estimate.interval.has_value()) {
    json["low"] = Figure(estimate.interval->low);
    json["high"] = Figure(estimate.interval->high);
    json["confidence"] = Figure(estimate.interval->confidence);
  }
  return json;
}

Json SplitOfStep(const std::optional<StepTimes>& times, double seconds) {
  if (!times.has_value() || times->steps == 0 || seconds <= 0) return nullptr;
  const double steps = static_cast<double>(times->steps);
  const double rest = seconds - times->verify - times->draft - times->link;
  return {{"steps", times->steps},
          {"ms", Figure(1e3 * seconds / steps)},
          {"verify", Figure(times->verify / seconds)},
          {"draft", Figure(times->draft / seconds)},
          {"link", Figure(times->link / seconds)},
          {"rest", Figure(rest / seconds)},
          {"link_us", Figure(1e6 * times->link / steps)}};
}

Json TokensPerStepByCategory(std::span<const BenchPrompt> prompts, std::span<const Reply> replies) {
  std::map<std::string, ReplySums> sums;
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (!prompts[i].category.empty()) sums[prompts[i].category].Add(replies[i]);
  }
  Json json = Json::object();
  for (const auto& [category, sum] : sums) {
    json[category] = Figure(TokensPerStep(sum.tokens_after_first, sum.steps));
  }
  return json;
}

Json SummarizeMode(std::span<const BenchPrompt> prompts, const ModeResult& result,
                   const ModeResult& first) {
  ReplySums sums;
  for (const Reply& reply : result.replies) sums.Add(reply);
  double seconds = 0;
  for (const BlockFigures& block : result.blocks) seconds += block.seconds;
  return {{"mode", result.mode},
          {"prompts", result.replies.size()},
          {"tokens", sums.tokens},
          {"seconds", Figure(seconds)},
          {"tokens_per_second", Figure(Ratio(static_cast<double>(sums.tokens), seconds))},
          {"steps", sums.steps},
          {"tokens_per_step", Figure(TokensPerStep(sums.tokens_after_first, sums.steps))},
          {"draft_nodes_per_step",
           Figure(Ratio(static_cast<double>(sums.draft_nodes), static_cast<double>(sums.steps)))},
          {"identical_to_first_mode",
           std::equal(result.replies.begin(), result.replies.end(), first.replies.begin(),
                      first.replies.end(), SameReply)},
          {"ratio_to_first_mode", RatioToFirst(result, first)},
          {"step", SplitOfStep(result.step_times, seconds)},
          {"tokens_per_step_by_category", TokensPerStepByCategory(prompts, result.replies)}};
}

}  // namespace

Json ResultLine(int index, const std::string& mode, const Reply& reply) {
  const v1::Usage& usage = reply.complete.usage();
  const v1::SpeculationStats& speculation = reply.complete.speculation();
  return {{"index", index},
          {"mode", mode},
          {"token_ids", reply.token_ids},
          {"text", reply.text},
          {"finish_reason", FinishReasonName(reply.complete.finish_reason())},
          {"usage",
           {{"prompt_tokens", usage.prompt_tokens()},
            {"completion_tokens", usage.completion_tokens()},
            {"total_tokens", usage.total_tokens()}}},
          {"speculation",
           {{"steps", speculation.steps()},
            {"draft_nodes", speculation.draft_nodes()},
            {"accepted_draft_tokens", speculation.accepted_draft_tokens()}}}};
}

std::vector<Json> Summarize(std::span<const BenchPrompt> prompts,
                            std::span<const ModeResult> modes) {
  std::vector<Json> lines;
  for (const ModeResult& mode : modes) {
    lines.push_back(SummarizeMode(prompts, mode, modes.front()));
  }
  return lines;
}

}  // namespace chimera
