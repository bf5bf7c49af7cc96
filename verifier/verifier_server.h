// A whole verifier: model, backend, engine, links to drafters, and the services around them.

#ifndef CHIMERA_VERIFIER_VERIFIER_SERVER_H_
#define CHIMERA_VERIFIER_VERIFIER_SERVER_H_

#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread_pool.h"
#include "common/metrics/metrics_exposer.h"
#include "common/metrics/verifier_metrics.h"
#include "common/model/llama_model.h"
#include "common/rpc/server_runner.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "verifier/drafter_client/drafter_link.h"
#include "verifier/engine/engine.h"
#include "verifier/service/generation_service.h"
#include "verifier/service/request_reader.h"
#include "verifier/verifier_config.h"

namespace chimera {

// A drafter that VerifierConfig does not name.
struct ExtraDrafter {
  std::string name;  // in place of an address: in logs, metrics and GetServerInfo
  ChannelFactory make_channel;
  std::shared_ptr<prometheus::Collectable> metrics = nullptr;  // served with the verifier's
};

// What a verifier computes with.
struct LoadedModel {
  std::shared_ptr<const LlamaModel> model;
  std::shared_ptr<ThreadPool> threads;  // of the backend, for others to share
  std::unique_ptr<Backend> backend;
  std::chrono::duration<double> load_time{0};  // what opening and repacking it took
};

// Serves from Start until destroyed. One thread at a time.
class VerifierServer {
 public:
  // Opens the model, starts the engine and listens. Errors say which part failed and why.
  static absl::StatusOr<std::unique_ptr<VerifierServer>> Start(const VerifierConfig& config);

  // As above in two steps, with drafters besides those of the configuration.
  static absl::StatusOr<LoadedModel> Load(const VerifierConfig& config);
  // With a model that is open already; leaves load_time at 0. `threads` compute; null: as many as
  // the configuration says.
  static absl::StatusOr<LoadedModel> Load(const VerifierConfig& config,
                                          std::shared_ptr<const LlamaModel> model,
                                          std::shared_ptr<ThreadPool> threads = nullptr);
  static absl::StatusOr<std::unique_ptr<VerifierServer>> Start(
      const VerifierConfig& config, LoadedModel loaded,
      std::vector<ExtraDrafter> extra_drafters = {});

  // Drains without grace if nobody has.
  ~VerifierServer();

  // Where it listens, with the ports that the kernel chose.
  const std::vector<Address>& addresses() const { return runner_->addresses(); }

  // Where it serves metrics, likewise; empty if nowhere.
  std::string metrics_address() const { return exposer_ ? exposer_->address() : ""; }

  // What it has counted so far; any thread.
  const VerifierMetrics& metrics() const { return metrics_; }

  // Lets running requests finish, and their clients read the replies, until the configured timeout;
  // refuses new ones; then stops.
  // DEADLINE_EXCEEDED as ServerRunner::Drain.
  absl::Status Drain();

 private:
  VerifierServer(const VerifierConfig& config, LoadedModel loaded,
                 const std::vector<ExtraDrafter>& drafters);
  void AddLinks(const std::vector<ExtraDrafter>& drafters);
  absl::Status StartEngine();
  absl::Status StartService();
  void DeviceLost(const absl::Status& reason);

  const VerifierConfig config_;
  const RealClock clock_;
  const std::shared_ptr<const LlamaModel> model_;
  const std::unique_ptr<Backend> backend_;
  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  VerifierMetrics metrics_;
  std::unique_ptr<MetricsExposer> exposer_;  // null: nowhere
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ChatTemplate> chat_template_;  // null if the model has none that we know
  std::vector<std::unique_ptr<DrafterLink>> links_;
  Mutex health_mutex_;
  bool device_lost_ ABSL_GUARDED_BY(health_mutex_) = false;
  bool serves_ ABSL_GUARDED_BY(health_mutex_) = false;  // runner_ has started
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RequestReader> reader_;
  std::unique_ptr<GenerationService> service_;
  std::unique_ptr<ServerRunner> runner_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_VERIFIER_SERVER_H_
