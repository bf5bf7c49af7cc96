#include "common/metrics/drafter_metrics.h"

#include "common/metrics/buckets.h"

namespace chimera {

DrafterMetrics::DrafterMetrics(prometheus::Registry* registry, const DrafterMetricsConfig& config)
    : DrafterMetrics(MetricFactory(registry, CommonLabels(config.model_name)), config.version) {}

DrafterMetrics::DrafterMetrics(const MetricFactory& factory, const std::string& version)
    : service(MakeServiceMetrics(factory, version)),
      connected_verifiers(factory.AddGauge(
          {"chimera_drafter_connected_verifiers", "Streams of verifiers that are open."})),
      open_sequences(factory.AddGauge(
          {"chimera_drafter_open_sequences", "Sequences held, over all verifiers."})),
      steps(factory.AddCounter({"chimera_drafter_steps_total", "Steps of verifiers answered."})),
      drafts(factory.AddCounter(
          {"chimera_drafter_drafts_total", "Trees proposed, empty ones included."})),
      draft_nodes(factory.AddCounter(
          {"chimera_drafter_draft_nodes_total", "Candidate tokens in the proposed trees."})),
      draft_duration(factory.AddHistogram(
          {"chimera_drafter_draft_duration_seconds",
           "Time the draft model took for one batch of sequences, in seconds."},
          StepSecondsBuckets())),
      refusals(factory.AddCountersBy<RefusalReason>(
          {"chimera_drafter_refusals_total",
           "Streams and messages of verifiers that were refused, and drafts that were."})) {}

}  // namespace chimera
