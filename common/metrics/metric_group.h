// The metrics of one name that differ in one label.

#ifndef CHIMERA_COMMON_METRICS_METRIC_GROUP_H_
#define CHIMERA_COMMON_METRICS_METRIC_GROUP_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace chimera {

// Metrics by number, counted from 0. A view: the registry owns them and must outlive it. Any
// thread.
template <typename Metric>
class MetricList {
 public:
  explicit MetricList(std::vector<Metric*> metrics) : metrics_(std::move(metrics)) {}

  size_t size() const { return metrics_.size(); }

  // REQUIRES: index < size().
  Metric& operator[](size_t index) const {
    CHIMERA_CHECK(index < metrics_.size()) << "metric " << index << " of " << metrics_.size();
    return *metrics_[index];
  }

 private:
  std::vector<Metric*> metrics_;
};

// Metrics by the value of the label that Enum stands for (labels.h). Otherwise as MetricList.
template <typename Metric, typename Enum>
class MetricsBy {
 public:
  explicit MetricsBy(std::vector<Metric*> metrics) : metrics_(std::move(metrics)) {}

  Metric& operator[](Enum value) const { return metrics_[static_cast<size_t>(value)]; }

 private:
  MetricList<Metric> metrics_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_METRIC_GROUP_H_
