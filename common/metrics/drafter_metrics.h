// What a drafter counts and measures.

#ifndef CHIMERA_COMMON_METRICS_DRAFTER_METRICS_H_
#define CHIMERA_COMMON_METRICS_DRAFTER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

#include "common/base/version.h"
#include "common/metrics/labels.h"
#include "common/metrics/metric_group.h"
#include "common/metrics/service_metrics.h"

namespace chimera {

// What the labels of a drafter's metrics say. Constant.
struct DrafterMetricsConfig {
  std::string version = kVersion;
  std::string model_name = {};  // of the draft model
};

// The metrics of a drafter, all of them at 0 from construction on but chimera_build_info, at 1.
// Using them allocates nothing and takes no lock but prometheus-cpp's own; any thread.
struct DrafterMetrics {
  // Adds them to `registry`, which must outlive them and hold no others of these names.
  DrafterMetrics(prometheus::Registry* registry, const DrafterMetricsConfig& config);

  ServiceMetrics service;
  prometheus::Gauge& connected_verifiers;  // streams that have begun and not ended
  prometheus::Gauge& open_sequences;       // held over all streams
  prometheus::Counter& steps;              // StepRequests answered
  prometheus::Counter& drafts;             // trees proposed, empty ones included
  prometheus::Counter& draft_nodes;        // candidates in them, roots excluded
  prometheus::Histogram& draft_duration;   // seconds of one batch in the draft model
  MetricsBy<prometheus::Counter, RefusalReason> refusals;

 private:
  DrafterMetrics(const MetricFactory& factory, const std::string& version);
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_DRAFTER_METRICS_H_
