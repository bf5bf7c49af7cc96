// Metrics that every service has.

#ifndef CHIMERA_COMMON_METRICS_SERVICE_METRICS_H_
#define CHIMERA_COMMON_METRICS_SERVICE_METRICS_H_

#include <prometheus/gauge.h>
#include <prometheus/labels.h>

#include <string>

#include "common/metrics/metric_factory.h"

namespace chimera {

// The state of a service. Setting is atomic; any thread. The registry must outlive it.
struct ServiceMetrics {
  prometheus::Gauge& ready;     // 1 while requests are served, else 0
  prometheus::Gauge& draining;  // 1 from the start of draining, else 0
};

// The labels that all metrics of a service carry. The engine is "0": a process has one.
prometheus::Labels CommonLabels(const std::string& model_name);

// Adds the metrics, and chimera_build_info with the label `version`.
ServiceMetrics MakeServiceMetrics(const MetricFactory& factory, const std::string& version);

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_SERVICE_METRICS_H_
