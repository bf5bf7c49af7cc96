// A whole drafter: model, service and the server around them.

#ifndef CHIMERA_DRAFTER_DRAFTER_SERVER_H_
#define CHIMERA_DRAFTER_DRAFTER_SERVER_H_

#include <grpcpp/channel.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/metrics/drafter_metrics.h"
#include "common/metrics/metrics_exposer.h"
#include "common/model/target_info.h"
#include "common/rpc/server_runner.h"
#include "drafter/draft_model.h"
#include "drafter/drafter_config.h"
#include "drafter/drafter_service.h"

namespace chimera {

// Serves from Start until destroyed. One thread at a time.
class DrafterServer {
 public:
  // Reads the target's fingerprint from its file and serves the draft model that the configuration
  // names. Errors: those of LlamaModel::Open and MakeDraftModel, and as below.
  static absl::StatusOr<std::unique_ptr<DrafterServer>> Start(const DrafterConfig& config);

  // As above with a target and a draft model of the caller's. INVALID_ARGUMENT if the model taps
  // layers that the target has not; the errors of ServerRunner::Start and MetricsExposer::Start if
  // it cannot listen.
  static absl::StatusOr<std::unique_ptr<DrafterServer>> Start(const DrafterConfig& config,
                                                              const TargetInfo& target,
                                                              std::unique_ptr<DraftModel> model);

  // Drains without grace if nobody has.
  ~DrafterServer();
  DrafterServer(const DrafterServer&) = delete;
  DrafterServer& operator=(const DrafterServer&) = delete;

  // Where it listens, with the ports that the kernel chose.
  const std::vector<Address>& addresses() const { return runner_.addresses(); }

  // Where it serves metrics, likewise; empty if nowhere.
  std::string metrics_address() const { return exposer_ ? exposer_->address() : ""; }

  // What it has counted so far; may be collected from by any thread, and outlive the server.
  std::shared_ptr<prometheus::Collectable> metrics() const { return registry_; }

  // A channel that does not leave the process.
  std::shared_ptr<grpc::Channel> InProcessChannel() { return runner_.InProcessChannel(); }

  // Ends all streams, by force after the configured timeout, and stops serving. Call it at most
  // once. DEADLINE_EXCEEDED as ServerRunner::Drain.
  absl::Status Drain();

 private:
  DrafterServer(const DrafterConfig& config, const TargetInfo& target,
                std::unique_ptr<DraftModel> model);
  absl::Status Listen();
  void DeviceLost(const absl::Status& reason);

  const std::chrono::milliseconds shutdown_timeout_;
  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  DrafterMetrics metrics_;
  std::unique_ptr<MetricsExposer> exposer_;  // null: nowhere
  DrafterService service_;
  ServerRunner runner_;
  enum class State { kNew, kServing, kDrained } state_ = State::kNew;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFTER_SERVER_H_
