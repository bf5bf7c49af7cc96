// Makes the metrics of a registry.

#ifndef CHIMERA_COMMON_METRICS_METRIC_FACTORY_H_
#define CHIMERA_COMMON_METRICS_METRIC_FACTORY_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics/buckets.h"
#include "common/metrics/labels.h"
#include "common/metrics/metric_group.h"

namespace chimera {

// What is said of all metrics of one name.
struct MetricText {
  std::string name;  // [a-z_]+, with the unit, and _total at the end of counters
  std::string help;  // a sentence with the unit
};

// Adds metrics to a registry, all with the same common labels. They start at 0, and live as long as
// the registry. A metric that is there already, with the same labels, is returned as it is.
//
// Names and labels are our own, so a wrong or contradictory one ends the process. One thread.
class MetricFactory {
 public:
  // `registry` must outlive the factory.
  MetricFactory(prometheus::Registry* registry, prometheus::Labels common_labels);

  prometheus::Counter& AddCounter(const MetricText& text,
                                  const prometheus::Labels& labels = {}) const;
  prometheus::Gauge& AddGauge(const MetricText& text, const prometheus::Labels& labels = {}) const;
  prometheus::Histogram& AddHistogram(const MetricText& text, const Buckets& buckets,
                                      const prometheus::Labels& labels = {}) const;

  // A gauge that is always 1, for the sake of its labels.
  void AddInfo(const MetricText& text, const prometheus::Labels& labels) const;

  // One metric for each value of Enum's label; each carries `labels` besides.
  template <typename Enum>
  MetricsBy<prometheus::Counter, Enum> AddCountersBy(const MetricText& text,
                                                     const prometheus::Labels& labels = {}) const;
  template <typename Enum>
  MetricsBy<prometheus::Histogram, Enum> AddHistogramsBy(const MetricText& text,
                                                         const Buckets& buckets) const;

  // One counter for each of `values` of the label `name`.
  MetricList<prometheus::Counter> AddCounters(const MetricText& text, const std::string& name,
                                              std::span<const std::string> values) const;

 private:
  prometheus::Registry* const registry_;
  const prometheus::Labels common_labels_;
};

template <typename Enum>
MetricsBy<prometheus::Counter, Enum> MetricFactory::AddCountersBy(
    const MetricText& text, const prometheus::Labels& labels) const {
  std::vector<prometheus::Counter*> counters;
  counters.reserve(std::size(Label<Enum>::kValues));
  prometheus::Labels all = labels;
  for (const char* value : Label<Enum>::kValues) {
    all[Label<Enum>::kName] = value;
    counters.push_back(&AddCounter(text, all));
  }
  return MetricsBy<prometheus::Counter, Enum>(std::move(counters));
}

template <typename Enum>
MetricsBy<prometheus::Histogram, Enum> MetricFactory::AddHistogramsBy(
    const MetricText& text, const Buckets& buckets) const {
  std::vector<prometheus::Histogram*> histograms;
  histograms.reserve(std::size(Label<Enum>::kValues));
  for (const char* value : Label<Enum>::kValues) {
    histograms.push_back(&AddHistogram(text, buckets, {{Label<Enum>::kName, value}}));
  }
  return MetricsBy<prometheus::Histogram, Enum>(std::move(histograms));
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_METRIC_FACTORY_H_
