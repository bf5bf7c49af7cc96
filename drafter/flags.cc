#include "drafter/flags.h"

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/backend/backend_factory.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/metrics/metrics_exposer.h"
#include "common/model/default_model_path.h"
#include "common/rpc/service_flags.h"
#include "drafter/draft_model_factory.h"
#include "drafter/tree_shape.h"

ABSL_FLAG(std::string, model, "",
          "GGUF file or Hugging Face folder of the target model; default: $CHIMERA_MODEL, else the "
          "model that scripts/setup fetched");
ABSL_FLAG(std::vector<std::string>, listen, {"127.0.0.1:50052"},
          "addresses to serve verifiers on: host:port or unix:/path; port 0 takes a free one");
ABSL_FLAG(
    std::string, metrics_listen, "127.0.0.1:9465",
    "address to serve Prometheus metrics on: host:port; port 0 takes a free one; empty: none");
ABSL_FLAG(std::string, draft_model, "auto", chimera::kDraftModelHelp);
ABSL_FLAG(std::string, tree_shape, "", chimera::kTreeShapeHelp);
ABSL_FLAG(std::string, device, "cpu",
          "where a trained drafter runs: cpu, or cuda:N in a build with CUDA");
ABSL_FLAG(int32_t, threads, 0, "threads that compute; 0: one per core");
ABSL_FLAG(int32_t, max_sequences, 256, "sequences held at once, over all verifiers");
ABSL_FLAG(absl::Duration, shutdown_timeout, absl::Seconds(5),
          "how long SIGTERM lets streams end by themselves");
ABSL_FLAG(bool, reflection, true, "serve gRPC reflection");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error");

namespace chimera {
namespace {

constexpr char kUsage[] =
    "Proposes continuations to verifiers: serves chimera.v1.DrafterService. It never talks to "
    "clients, and losing it costs speed only.";

constexpr int32_t kMaxMaxSequences = 1 << 16;
constexpr absl::Duration kMaxShutdownTimeout = absl::Hours(1);

absl::Status ReadServerFlags(ServerConfig* server) {
  CHIMERA_ASSIGN_OR_RETURN(server->listen_addresses,
                           ParseListenAddresses(absl::GetFlag(FLAGS_listen)));
  if (server->listen_addresses.empty()) {
    return absl::InvalidArgumentError("--listen is empty, must name at least one address");
  }
  server->reflection = absl::GetFlag(FLAGS_reflection) ? Reflection::kOn : Reflection::kOff;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DrafterConfig> ParseDrafterFlags(int argc, char** argv) {
  CHIMERA_RETURN_IF_ERROR(ParseCommandLine(argc, argv, kUsage));
  DrafterConfig config;
  config.model_path = absl::GetFlag(FLAGS_model);
  if (config.model_path.empty()) config.model_path = DefaultModelPath();
  CHIMERA_RETURN_IF_ERROR(ReadServerFlags(&config.server));
  CHIMERA_ASSIGN_OR_RETURN(config.draft_model,
                           ParseDraftModel(absl::GetFlag(FLAGS_draft_model), config.model_path));
  CHIMERA_ASSIGN_OR_RETURN(config.tree_shape, ParseTreeShape(absl::GetFlag(FLAGS_tree_shape)));
  config.device = absl::GetFlag(FLAGS_device);
  CHIMERA_ASSIGN_OR_RETURN(config.thread_count,
                           ReadInRange(FLAGS_threads, 0, ThreadPool::kMaxThreads));
  if (config.thread_count == 0) config.thread_count = UsableProcessors();
  config.metrics_address = absl::GetFlag(FLAGS_metrics_listen);
  if (!config.metrics_address.empty()) {
    CHIMERA_RETURN_IF_ERROR(CheckMetricsAddress(config.metrics_address));
  }
  CHIMERA_ASSIGN_OR_RETURN(config.max_sequences,
                           ReadInRange(FLAGS_max_sequences, 1, kMaxMaxSequences));
  CHIMERA_ASSIGN_OR_RETURN(
      const absl::Duration timeout,
      ReadInRange(FLAGS_shutdown_timeout, absl::ZeroDuration(), kMaxShutdownTimeout));
  config.shutdown_timeout = absl::ToChronoMilliseconds(timeout);
  config.log_level = absl::GetFlag(FLAGS_log_level);
  return config;
}

}  // namespace chimera
