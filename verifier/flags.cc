#include "verifier/flags.h"

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/backend/backend_factory.h"
#include "common/backend/numerics.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/metrics/metrics_exposer.h"
#include "common/model/default_model_path.h"
#include "common/rpc/service_flags.h"
#include "common/tree/token_tree.h"
#include "verifier/engine/step_groups.h"

ABSL_FLAG(std::string, model, "",
          "GGUF file or Hugging Face folder of the target model; default: $CHIMERA_MODEL, else the "
          "model that scripts/setup fetched");
ABSL_FLAG(std::vector<std::string>, listen, {"127.0.0.1:50051"},
          "addresses to serve clients on: host:port or unix:/path; port 0 takes a free one");
ABSL_FLAG(
    std::string, metrics_listen, "127.0.0.1:9464",
    "address to serve Prometheus metrics on: host:port; port 0 takes a free one; empty: none");
ABSL_FLAG(std::vector<std::string>, drafter, {}, "addresses of drafters: host:port or unix:/path");
ABSL_FLAG(bool, allow_other_weights, false,
          "accept drafters made for other weights of the same model");
ABSL_FLAG(std::string, device, "cpu",
          "where the target model runs: cpu, or cuda:N in a build with CUDA");
ABSL_FLAG(
    std::string, numerics, "strict",
    "how linear layers are computed: strict, by code of ours, or, on CUDA devices, pinned, by "
    "cuBLAS with one algorithm for every number of rows, refused if rows change with the batch");
ABSL_FLAG(int32_t, threads, 0, "threads that compute; 0: one per core");
ABSL_FLAG(int32_t, kv_pages, 0,
          "pages of K/V, 16 positions each; 0: enough for every running request to fill its "
          "context, within a quarter of the machine's memory or what is free of the device's");
ABSL_FLAG(int32_t, max_running_requests, 8, "requests decoded together");
ABSL_FLAG(int32_t, max_waiting_requests, 64, "requests that may wait; more are refused");
ABSL_FLAG(int64_t, max_waiting_tokens, 1 << 18,
          "prompt tokens that may wait, of all requests together; more are refused");
ABSL_FLAG(int32_t, prefill_chunk, 256, "prompt tokens read per step");
ABSL_FLAG(int32_t, max_nodes, 8, "candidates verified per step and request, unless it says so");
ABSL_FLAG(int32_t, max_depth, 5, "tokens looked ahead, unless a request says so");
ABSL_FLAG(
    int32_t, step_groups, 1,
    "groups of requests verified in turns: with 2, drafters on hardware of their own draft for "
    "one group while the other is verified");
ABSL_FLAG(absl::Duration, draft_deadline, absl::Milliseconds(50), "longest wait for a draft");
ABSL_FLAG(double, canary_fraction, 0,
          "share of the replies that are decoded again without speculation, when nobody waits, and "
          "compared; 0: none, 1: all");
ABSL_FLAG(absl::Duration, shutdown_timeout, absl::Seconds(30),
          "how long SIGTERM lets running requests finish");
ABSL_FLAG(bool, reflection, true, "serve gRPC reflection");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error");

namespace chimera {
namespace {

absl::Status ReadEngineFlags(EngineConfig* engine) {
  CHIMERA_ASSIGN_OR_RETURN(engine->max_running_requests,
                           ReadInRange(FLAGS_max_running_requests, 1, 1024));
  CHIMERA_ASSIGN_OR_RETURN(engine->max_waiting_requests,
                           ReadInRange(FLAGS_max_waiting_requests, 1, 1 << 20));
  CHIMERA_ASSIGN_OR_RETURN(engine->max_waiting_tokens,
                           ReadInRange(FLAGS_max_waiting_tokens, int64_t{1}, int64_t{1} << 40));
  CHIMERA_ASSIGN_OR_RETURN(engine->canary_fraction, ReadInRange(FLAGS_canary_fraction, 0.0, 1.0));
  CHIMERA_ASSIGN_OR_RETURN(engine->prefill_chunk, ReadInRange(FLAGS_prefill_chunk, 1, 8192));
  CHIMERA_ASSIGN_OR_RETURN(engine->draft.max_nodes,
                           ReadInRange(FLAGS_max_nodes, 1, TokenTree::kMaxNodes - 1));
  CHIMERA_ASSIGN_OR_RETURN(engine->draft.max_depth,
                           ReadInRange(FLAGS_max_depth, 1, TokenTree::kMaxDepth));
  CHIMERA_ASSIGN_OR_RETURN(engine->step_groups,
                           ReadInRange(FLAGS_step_groups, 1, StepGroups::kMaxGroups));
  CHIMERA_ASSIGN_OR_RETURN(
      const absl::Duration deadline,
      ReadInRange(FLAGS_draft_deadline, absl::Microseconds(1), absl::Seconds(10)));
  engine->draft.deadline = absl::ToChronoMicroseconds(deadline);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VerifierConfig> ParseVerifierFlags(const char* usage, int argc, char** argv) {
  CHIMERA_RETURN_IF_ERROR(ParseCommandLine(argc, argv, usage));
  VerifierConfig config;
  config.model_path = absl::GetFlag(FLAGS_model);
  if (config.model_path.empty()) config.model_path = DefaultModelPath();
  CHIMERA_ASSIGN_OR_RETURN(config.listen_addresses,
                           ParseListenAddresses(absl::GetFlag(FLAGS_listen)));
  if (config.listen_addresses.empty()) {
    return absl::InvalidArgumentError("--listen is empty, must name at least one address");
  }
  config.metrics_address = absl::GetFlag(FLAGS_metrics_listen);
  if (!config.metrics_address.empty()) {
    CHIMERA_RETURN_IF_ERROR(CheckMetricsAddress(config.metrics_address));
  }
  CHIMERA_ASSIGN_OR_RETURN(config.drafter_addresses,
                           ParseDialAddresses(absl::GetFlag(FLAGS_drafter)));
  if (absl::GetFlag(FLAGS_allow_other_weights)) config.other_weights = OtherWeights::kAllow;
  config.device = absl::GetFlag(FLAGS_device);
  CHIMERA_ASSIGN_OR_RETURN(config.numerics, ParseNumerics(absl::GetFlag(FLAGS_numerics)));
  CHIMERA_ASSIGN_OR_RETURN(config.thread_count,
                           ReadInRange(FLAGS_threads, 0, ThreadPool::kMaxThreads));
  if (config.thread_count == 0) config.thread_count = UsableProcessors();
  CHIMERA_ASSIGN_OR_RETURN(config.kv_page_count, ReadInRange(FLAGS_kv_pages, 0, 1 << 24));
  CHIMERA_RETURN_IF_ERROR(ReadEngineFlags(&config.engine));
  CHIMERA_ASSIGN_OR_RETURN(
      const absl::Duration timeout,
      ReadInRange(FLAGS_shutdown_timeout, absl::ZeroDuration(), absl::Hours(1)));
  config.shutdown_timeout = absl::ToChronoMilliseconds(timeout);
  if (!absl::GetFlag(FLAGS_reflection)) config.reflection = Reflection::kOff;
  config.log_level = absl::GetFlag(FLAGS_log_level);
  return config;
}

}  // namespace chimera
