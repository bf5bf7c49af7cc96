#include "common/metrics/service_metrics.h"

namespace chimera {

prometheus::Labels CommonLabels(const std::string& model_name) {
  return {{"model_name", model_name}, {"engine", "0"}};
}

ServiceMetrics MakeServiceMetrics(const MetricFactory& factory, const std::string& version) {
  factory.AddInfo({"chimera_build_info", "Always 1; its label is the version that runs."},
                  {{"version", version}});
  return {
      .ready = factory.AddGauge({"chimera_ready", "1 while the service takes requests, else 0."}),
      .draining =
          factory.AddGauge({"chimera_draining", "1 once the service has begun to drain, else 0."}),
  };
}

}  // namespace chimera
