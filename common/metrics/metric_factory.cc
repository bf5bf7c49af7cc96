#include "common/metrics/metric_factory.h"

#include <prometheus/family.h>

#include <utility>

namespace chimera {

MetricFactory::MetricFactory(prometheus::Registry* registry, prometheus::Labels common_labels)
    : registry_(registry), common_labels_(std::move(common_labels)) {}

prometheus::Counter& MetricFactory::AddCounter(const MetricText& text,
                                               const prometheus::Labels& labels) const {
  return prometheus::BuildCounter()
      .Name(text.name)
      .Help(text.help)
      .Labels(common_labels_)
      .Register(*registry_)
      .Add(labels);
}

prometheus::Gauge& MetricFactory::AddGauge(const MetricText& text,
                                           const prometheus::Labels& labels) const {
  return prometheus::BuildGauge()
      .Name(text.name)
      .Help(text.help)
      .Labels(common_labels_)
      .Register(*registry_)
      .Add(labels);
}

prometheus::Histogram& MetricFactory::AddHistogram(const MetricText& text, const Buckets& buckets,
                                                   const prometheus::Labels& labels) const {
  return prometheus::BuildHistogram()
      .Name(text.name)
      .Help(text.help)
      .Labels(common_labels_)
      .Register(*registry_)
      .Add(labels, buckets);
}

void MetricFactory::AddInfo(const MetricText& text, const prometheus::Labels& labels) const {
  AddGauge(text, labels).Set(1);
}

MetricList<prometheus::Counter> MetricFactory::AddCounters(
    const MetricText& text, const std::string& name, std::span<const std::string> values) const {
  std::vector<prometheus::Counter*> counters;
  counters.reserve(values.size());
  for (const std::string& value : values) counters.push_back(&AddCounter(text, {{name, value}}));
  return MetricList<prometheus::Counter>(std::move(counters));
}

}  // namespace chimera
