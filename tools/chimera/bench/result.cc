#include "tools/chimera/bench/result.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

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

Json SummarizeMode(const ModeResult& result, const ModeResult& first) {
  int64_t tokens = 0, tokens_after_first = 0, steps = 0, draft_nodes = 0;
  for (const Reply& reply : result.replies) {
    const int64_t completion_tokens = reply.complete.usage().completion_tokens();
    tokens += completion_tokens;
    tokens_after_first += std::max<int64_t>(completion_tokens - 1, 0);
    steps += reply.complete.speculation().steps();
    draft_nodes += reply.complete.speculation().draft_nodes();
  }
  return {{"mode", SpeculationModeName(result.mode)},
          {"prompts", result.replies.size()},
          {"tokens", tokens},
          {"seconds", Figure(result.seconds)},
          {"tokens_per_second", Figure(Ratio(static_cast<double>(tokens), result.seconds))},
          {"steps", steps},
          {"tokens_per_step", Figure(TokensPerStep(tokens_after_first, steps))},
          {"draft_nodes_per_step",
           Figure(Ratio(static_cast<double>(draft_nodes), static_cast<double>(steps)))},
          {"identical_to_first_mode",
           std::equal(result.replies.begin(), result.replies.end(), first.replies.begin(),
                      first.replies.end(), SameReply)}};
}

}  // namespace

Json ResultLine(int index, v1::SpeculationMode mode, const Reply& reply) {
  const v1::Usage& usage = reply.complete.usage();
  const v1::SpeculationStats& speculation = reply.complete.speculation();
  return {{"index", index},
          {"mode", SpeculationModeName(mode)},
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

std::vector<Json> Summarize(std::span<const ModeResult> modes) {
  std::vector<Json> lines;
  for (const ModeResult& mode : modes) lines.push_back(SummarizeMode(mode, modes.front()));
  return lines;
}

}  // namespace chimera
