// Reads Prometheus' text format 0.0.4, and is strict about it.

#ifndef CHIMERA_TESTS_COMMON_METRICS_EXPOSITION_H_
#define CHIMERA_TESTS_COMMON_METRICS_EXPOSITION_H_

#include <prometheus/collectable.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chimera::testing {

using LabelMap = std::map<std::string, std::string>;

struct Sample {
  std::string name;  // histograms and summaries: with _bucket, _sum or _count
  LabelMap labels;
  double value = 0;
};

struct Family {
  std::string help = {};
  std::string type = {};  // counter, gauge, histogram or summary
  std::vector<Sample> samples = {};
};

// The families of one scrape by name.
struct Exposition {
  std::map<std::string, Family> families;

  // The value of the sample `name` whose labels include all of `labels`; nothing unless it is the
  // only one.
  std::optional<double> Value(const std::string& name, const LabelMap& labels = {}) const;
};

// INVALID_ARGUMENT names the line, or the family, and the rule: HELP and TYPE before the samples of
// a family and once; names and labels well formed; every series once; counters end in _total and
// are not negative; the buckets of a histogram ascend, do not fall, and end with +Inf, which equals
// _count.
absl::StatusOr<Exposition> ParseExposition(const std::string& text);

// What a scrape of `collectable` gives. Errors as ParseExposition.
absl::StatusOr<Exposition> Scrape(const prometheus::Collectable& collectable);

// What GET /metrics at `address` gives. Errors as HttpGet and ParseExposition.
absl::StatusOr<Exposition> Scrape(const std::string& address);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_METRICS_EXPOSITION_H_
