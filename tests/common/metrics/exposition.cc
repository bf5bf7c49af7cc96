#include "tests/common/metrics/exposition.h"

#include <httplib.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace chimera::testing {
namespace {

absl::Status Broken(const std::string& where, const std::string& rule) {
  return absl::InvalidArgumentError(absl::StrCat(rule, ": ", where));
}

bool ParseValue(absl::string_view text, double* value) {
  if (text == "+Inf") {
    *value = std::numeric_limits<double>::infinity();
    return true;
  }
  return !absl::StrContains(text, ' ') && absl::SimpleAtod(text, value);
}

// These take what they read off the front of `text`, and return false if it is not there.

bool ConsumeName(absl::string_view* text, std::string* name) {
  const auto end =
      absl::c_find_if_not(*text, [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  const size_t size = end - text->begin();
  if (size == 0 || absl::ascii_isdigit(text->front())) return false;
  *name = std::string(text->substr(0, size));
  text->remove_prefix(size);
  return true;
}

bool ConsumeQuoted(absl::string_view* text, std::string* value) {
  if (!absl::ConsumePrefix(text, "\"")) return false;
  while (!text->empty() && !absl::StartsWith(*text, "\"")) {
    if (absl::ConsumePrefix(text, "\\n")) {
      value->push_back('\n');
      continue;
    }
    // A backslash stands before another one or a quotation mark.
    if (absl::ConsumePrefix(text, "\\") && !absl::StartsWith(*text, "\\") &&
        !absl::StartsWith(*text, "\"")) {
      return false;
    }
    value->push_back(text->front());
    text->remove_prefix(1);
  }
  return absl::ConsumePrefix(text, "\"");
}

// The labels in their braces, or none.
absl::Status ConsumeLabels(absl::string_view* text, LabelMap* labels) {
  if (!absl::ConsumePrefix(text, "{")) return absl::OkStatus();
  while (!absl::ConsumePrefix(text, "}")) {
    std::string name, value;
    if (!ConsumeName(text, &name) || !absl::ConsumePrefix(text, "=") ||
        !ConsumeQuoted(text, &value) ||
        !(absl::ConsumePrefix(text, ",") || absl::StartsWith(*text, "}"))) {
      return Broken(std::string(*text), "labels are not well formed");
    }
    if (!labels->emplace(name, value).second) return Broken(name, "label is there twice");
  }
  return absl::OkStatus();
}

// Puts the lines of a text into families.
class Reader {
 public:
  absl::Status ReadLine(const std::string& line) {
    if (absl::StartsWith(line, "# HELP ")) return ReadHelp(line);
    if (absl::StartsWith(line, "# TYPE ")) return ReadType(line);
    return ReadSample(line);
  }

  Exposition Take() { return std::move(exposition_); }

 private:
  absl::Status ReadHelp(const std::string& line) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line.substr(7), absl::MaxSplits(' ', 1));
    if (parts.second.empty()) return Broken(line, "help is empty");
    const auto [entry, is_new] = exposition_.families.emplace(parts.first, Family{parts.second});
    if (!is_new) return Broken(line, "family is there twice");
    current_name_ = entry->first;
    return absl::OkStatus();
  }

  absl::Status ReadType(const std::string& line) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line.substr(7), ' ');
    if (parts.first != current_name_) return Broken(line, "type does not follow its help");
    std::string& type = exposition_.families[current_name_].type;
    if (!type.empty()) return Broken(line, "type is there twice");
    type = parts.second;
    if (type != "counter" && type != "gauge" && type != "histogram" && type != "summary") {
      return Broken(line, "type is not known");
    }
    if (type == "counter" && !absl::EndsWith(current_name_, "_total")) {
      return Broken(line, "counter does not end in _total");
    }
    return absl::OkStatus();
  }

  absl::Status ReadSample(const std::string& line) {
    absl::string_view text = line;
    Sample sample;
    if (!ConsumeName(&text, &sample.name)) return Broken(line, "sample has no name");
    CHIMERA_RETURN_IF_ERROR(ConsumeLabels(&text, &sample.labels));
    if (!absl::ConsumePrefix(&text, " ") || !ParseValue(text, &sample.value)) {
      return Broken(line, "sample has no value");
    }
    Family& family = exposition_.families[current_name_];
    if (!Belongs(sample.name, family.type)) return Broken(line, "sample is not of the family");
    if (family.type == "counter" && !(sample.value >= 0))
      return Broken(line, "counter is negative");
    if (!seen_.emplace(sample.name, sample.labels).second) return Broken(line, "series twice");
    family.samples.push_back(std::move(sample));
    return absl::OkStatus();
  }

  bool Belongs(const std::string& name, const std::string& type) const {
    if (type == "counter" || type == "gauge") return name == current_name_;
    if (type.empty()) return false;
    if (name == current_name_ + "_sum" || name == current_name_ + "_count") return true;
    return name == (type == "summary" ? current_name_ : current_name_ + "_bucket");
  }

  Exposition exposition_;
  std::string current_name_;
  std::set<std::pair<std::string, LabelMap>> seen_;
};

// One series of a histogram.
struct Series {
  std::vector<std::pair<double, double>> buckets;  // upper bound and cumulative count
  std::optional<double> sum;
  std::optional<double> count;
};

absl::Status CheckSeries(const std::string& name, const Series& series) {
  if (!series.sum.has_value() || !series.count.has_value() || series.buckets.empty()) {
    return Broken(name, "histogram lacks _sum, _count or _bucket");
  }
  for (size_t i = 1; i < series.buckets.size(); ++i) {
    if (!(series.buckets[i].first > series.buckets[i - 1].first)) {
      return Broken(name, "bounds of the buckets do not ascend");
    }
    if (series.buckets[i].second < series.buckets[i - 1].second) {
      return Broken(name, "counts of the buckets fall");
    }
  }
  if (series.buckets.back() != std::pair(std::numeric_limits<double>::infinity(), *series.count)) {
    return Broken(name, "the last bucket is not +Inf with _count");
  }
  return absl::OkStatus();
}

absl::Status CheckHistogram(const std::string& name, const Family& family) {
  std::map<LabelMap, Series> all;
  for (const Sample& sample : family.samples) {
    LabelMap labels = sample.labels;
    double bound = 0;
    const auto bound_label = labels.find("le");
    const bool has_bound = bound_label != labels.end() && ParseValue(bound_label->second, &bound);
    if (has_bound != absl::EndsWith(sample.name, "_bucket")) return Broken(name, "le is misplaced");
    labels.erase("le");
    Series& series = all[labels];
    if (has_bound) series.buckets.emplace_back(bound, sample.value);
    if (absl::EndsWith(sample.name, "_sum")) series.sum = sample.value;
    if (absl::EndsWith(sample.name, "_count")) series.count = sample.value;
  }
  for (const auto& [labels, series] : all) CHIMERA_RETURN_IF_ERROR(CheckSeries(name, series));
  return absl::OkStatus();
}

}  // namespace

std::optional<double> Exposition::Value(const std::string& name, const LabelMap& labels) const {
  std::optional<double> value;
  for (const auto& [family_name, family] : families) {
    for (const Sample& sample : family.samples) {
      bool matches = sample.name == name;
      for (const auto& label : labels) {
        const auto found = sample.labels.find(label.first);
        matches = matches && found != sample.labels.end() && found->second == label.second;
      }
      if (!matches) continue;
      if (value.has_value()) return std::nullopt;
      value = sample.value;
    }
  }
  return value;
}

absl::StatusOr<Exposition> ParseExposition(const std::string& text) {
  if (!text.empty() && text.back() != '\n') return Broken("the last line", "line does not end");
  Reader reader;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    CHIMERA_RETURN_IF_ERROR(reader.ReadLine(line));
  }
  Exposition exposition = reader.Take();
  for (const auto& [name, family] : exposition.families) {
    if (family.samples.empty()) return Broken(name, "family has no samples");
    if (family.type == "histogram") CHIMERA_RETURN_IF_ERROR(CheckHistogram(name, family));
  }
  return exposition;
}

absl::StatusOr<Exposition> Scrape(const prometheus::Collectable& collectable) {
  return ParseExposition(prometheus::TextSerializer().Serialize(collectable.Collect()));
}

absl::StatusOr<Exposition> Scrape(const std::string& address) {
  const httplib::Result response = httplib::Client("http://" + address).Get("/metrics");
  if (!response) {
    return absl::UnavailableError(
        absl::StrCat(address, ": ", httplib::to_string(response.error())));
  }
  return ParseExposition(response->body);
}

}  // namespace chimera::testing
