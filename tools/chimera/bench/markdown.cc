#include "tools/chimera/bench/markdown.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace chimera {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kNothing[] = "–";

// A number with so many decimals, or a dash.
std::string Number(const Json& value, int decimals) {
  return value.is_number() ? absl::StrFormat("%.*f", decimals, value.get<double>()) : kNothing;
}

std::string Percent(const Json& step, const char* part) {
  if (!step.is_object() || !step[part].is_number()) return kNothing;
  return absl::StrFormat("%.1f %%", 100 * step[part].get<double>());
}

std::string Interval(const Json& ratio) {
  if (!ratio.is_object() || !ratio["low"].is_number()) return kNothing;
  return absl::StrCat(Number(ratio["low"], 3), " to ", Number(ratio["high"], 3));
}

std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

// The header and the line below it; all columns but the first hold numbers.
std::string Header(const std::vector<std::string>& titles) {
  std::vector<std::string> rules(titles.size(), "---:");
  rules[0] = "---";
  return absl::StrCat(Row(titles), Row(rules));
}

std::string ModeRow(const Json& line) {
  const Json& ratio = line["ratio_to_first_mode"];
  const Json& step = line["step"];
  return Row({line["mode"].get<std::string>(), Number(line["tokens_per_second"], 1),
              Number(line["tokens_per_step"], 2),
              ratio.is_object() ? Number(ratio["median"], 3) : kNothing, Interval(ratio),
              step.is_object() ? Number(step["ms"], 2) : kNothing, Percent(step, "verify"),
              Percent(step, "draft"), Percent(step, "link"), Percent(step, "rest"),
              line["identical_to_first_mode"].get<bool>() ? "yes" : "**no**"});
}

std::string CategoryTable(std::span<const Json> lines) {
  std::vector<std::string> titles = {"tokens per step"};
  for (const Json& line : lines) titles.push_back(line["mode"].get<std::string>());
  std::string table = absl::StrCat("\n", Header(titles));
  for (const auto& [category, unused] : lines.front()["tokens_per_step_by_category"].items()) {
    std::vector<std::string> cells = {category};
    for (const Json& line : lines) {
      cells.push_back(Number(line["tokens_per_step_by_category"][category], 2));
    }
    absl::StrAppend(&table, Row(cells));
  }
  return table;
}

}  // namespace

std::string FormatMarkdown(std::span<const Json> lines) {
  if (lines.empty()) return "";
  std::string text =
      Header({"mode", "tokens/s", "tokens per step",
              absl::StrCat("to ", lines.front()["mode"].get<std::string>()), "95 % interval",
              "step, ms", "verify", "draft", "link", "rest", "same replies"});
  for (const Json& line : lines) absl::StrAppend(&text, ModeRow(line));
  if (!lines.front()["tokens_per_step_by_category"].empty()) {
    absl::StrAppend(&text, CategoryTable(lines));
  }
  return text;
}

}  // namespace chimera
