#include "tests/common/metrics/metrics_reference.h"

#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "common/metrics/drafter_metrics.h"
#include "common/metrics/process_collector.h"
#include "common/metrics/verifier_metrics.h"

namespace chimera::testing {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// $0: kContextLength.
constexpr char kIntroduction[] = R"(# Metrics

Both services serve their metrics over HTTP, in the text format of Prometheus: `/metrics` at the
address of `--metrics_listen`, by default 127.0.0.1:9464 for the verifier and 127.0.0.1:9465 for the
drafter. `chimera-node` serves those of both at the verifier's; what both have is told apart by
`model_name`, which is the drafter's name for the drafter's. The port has no encryption and no
passwords: open it to the monitoring only.
`metrics_reference` (tests/common/metrics) prints this page.

Every `chimera_` metric also has the labels `model_name` and `engine`, which is always `0`. Label
values in angle brackets depend on the set-up; all series are there from the start, at 0, or 1 for
`_info`. An observation counts in the first bucket whose bound is not below it and in all after it;
the last one, `+Inf`, is left out here. The buckets of `chimera_request_prompt_tokens` and
`chimera_request_generation_tokens` go as far as the model's context, here $0 tokens.
)";

constexpr char kBoth[] = R"(
## Both

The HTTP server adds three of its own, named by its library: `exposer_scrapes_total`,
`exposer_transferred_bytes_total` and `exposer_request_latencies`, in microseconds.
)";

constexpr int32_t kContextLength = 8192;

// Label values in angle brackets say what a value means.
VerifierMetricsConfig DescribedVerifier() {
  return {.version = "<version>",
          .model_name = "<name>",
          .model_identity = "<SHA-256>",
          .model_weights = "<SHA-256>",
          .numerics_id = "<id>",
          .kv_block_size = "<positions>",
          .kv_block_count = "<pages>",
          .drafters = {"<address>"},
          .context_length = kContextLength};
}

DrafterMetricsConfig DescribedDrafter() { return {.version = "<version>", .model_name = "<name>"}; }

std::string TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "other";
  }
}

void Quoted(std::string* text, const std::string& value) { absl::StrAppend(text, "`", value, "`"); }

// The values of each label but the common ones, numbers in their order.
std::string Labels(const MetricFamily& family) {
  std::map<std::string, std::vector<std::string>> values;
  for (const ClientMetric& metric : family.metric) {
    for (const ClientMetric::Label& label : metric.label) {
      if (label.name == "model_name" || label.name == "engine") continue;
      std::vector<std::string>& seen = values[label.name];
      if (!absl::c_linear_search(seen, label.value)) seen.push_back(label.value);
    }
  }
  std::vector<std::string> texts;
  for (auto& [name, of_label] : values) {
    absl::c_sort(of_label, [](const std::string& a, const std::string& b) {
      const bool are_numbers = absl::ascii_isdigit(a[0]) && absl::ascii_isdigit(b[0]);
      return are_numbers && a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    texts.push_back(absl::StrCat("`", name, "` = ", absl::StrJoin(of_label, ", ", Quoted)));
  }
  return absl::StrJoin(texts, "; ");
}

// The upper bounds of a histogram's buckets, the infinite one left out.
std::string Bounds(const MetricFamily& family) {
  std::vector<double> bounds;
  for (const ClientMetric::Bucket& bucket : family.metric.front().histogram.bucket) {
    if (std::isfinite(bucket.upper_bound)) bounds.push_back(bucket.upper_bound);
  }
  return absl::StrJoin(bounds, ", ");
}

// A table of the families, and one of the buckets of those that have some.
void AppendFamilies(std::vector<MetricFamily> families, std::string* text) {
  absl::c_sort(families, [](const auto& a, const auto& b) { return a.name < b.name; });
  absl::StrAppend(text, "\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n");
  std::string buckets;
  for (const MetricFamily& family : families) {
    absl::StrAppend(text, "| `", family.name, "` | ", TypeName(family.type), " | ", Labels(family),
                    " | ", family.help, " |\n");
    if (family.type == MetricType::Histogram) {
      absl::StrAppend(&buckets, "| `", family.name, "` | ", Bounds(family), " |\n");
    }
  }
  if (buckets.empty()) return;
  absl::StrAppend(text, "\n| histogram | upper bounds of its buckets |\n| --- | --- |\n", buckets);
}

}  // namespace

std::string MetricsReference() {
  prometheus::Registry verifier;
  const VerifierMetrics verifier_metrics(&verifier, DescribedVerifier());
  prometheus::Registry drafter;
  const DrafterMetrics drafter_metrics(&drafter, DescribedDrafter());
  std::string text =
      absl::StrCat(absl::Substitute(kIntroduction, kContextLength), "\n## Verifier\n");
  AppendFamilies(verifier.Collect(), &text);
  absl::StrAppend(&text, "\n## Drafter\n");
  AppendFamilies(drafter.Collect(), &text);
  absl::StrAppend(&text, kBoth);
  AppendFamilies(ProcessCollector().Collect(), &text);
  return text;
}

}  // namespace chimera::testing
