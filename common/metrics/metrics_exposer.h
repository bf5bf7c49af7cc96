// Serves metrics to Prometheus.

#ifndef CHIMERA_COMMON_METRICS_METRICS_EXPOSER_H_
#define CHIMERA_COMMON_METRICS_METRICS_EXPOSER_H_

#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace prometheus {
class Exposer;
}  // namespace prometheus

namespace chimera {

// What is served: registries and collectors, shared with the exposer. What has the same name in
// several of them is one family, and needs labels that differ.
using Collectables = std::vector<std::shared_ptr<prometheus::Collectable>>;

// OK if `address` is "host:port", the host being a name or an IPv4 address, since Debian builds the
// HTTP library without IPv6. INVALID_ARGUMENT names the flag that both services take it from,
// --metrics_listen.
absl::Status CheckMetricsAddress(const std::string& address);

// An HTTP server that answers GET /metrics in the text format 0.0.4, and all else with 404. No
// encryption and no passwords: listen where only the monitoring can reach it. Two threads of its
// own serve, from Start until destruction. The library adds metrics of its own, named exposer_*.
class MetricsExposer {
 public:
  // Listens on `address`; port 0 lets the kernel choose. Errors: those of CheckMetricsAddress;
  // UNAVAILABLE with flag, address and cause if it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MetricsExposer>> Start(const std::string& address,
                                                               Collectables collectables);

  // Stops serving, after the answers that are being written.
  ~MetricsExposer();
  MetricsExposer(const MetricsExposer&) = delete;
  MetricsExposer& operator=(const MetricsExposer&) = delete;

  // Where it listens, with the port that the kernel chose.
  std::string address() const { return absl::StrCat(host_, ":", port_); }

 private:
  explicit MetricsExposer(Collectables collectables);

  // Converts the exceptions of prometheus-cpp, here and nowhere else.
  absl::Status Listen(const std::string& address);

  const std::shared_ptr<prometheus::Collectable> collectable_;  // all of them
  std::string host_;
  int port_ = 0;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

// Serves on `address` what `registries` and this process's ProcessCollector hold; null if it is
// empty. Errors: those of MetricsExposer::Start.
absl::StatusOr<std::unique_ptr<MetricsExposer>> ServeMetrics(const std::string& address,
                                                             Collectables registries);

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_METRICS_EXPOSER_H_
