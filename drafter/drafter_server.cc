#include "drafter/drafter_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"

namespace chimera {
namespace {

absl::Status CheckTappedLayers(const std::vector<int32_t>& tapped_layers, int32_t layer_count) {
  if (CanTapLayers(tapped_layers, layer_count)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the draft model taps layers [", absl::StrJoin(tapped_layers, ", "),
                   "], which must ascend within [0, ", layer_count, "]"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DrafterServer>> DrafterServer::Start(
    const DrafterConfig& config, const TargetInfo& target, std::unique_ptr<DraftModel> model) {
  CHIMERA_RETURN_IF_ERROR(CheckTappedLayers(model->info().tapped_layers, target.layer_count));
  const DraftModelInfo& info = model->info();
  LogInfo("drafter ready draft_model={} identity={} max_sequences={}", info.name,
          target.fingerprint.identity, config.max_sequences);
  if (info.target.has_value() && info.target->weights != target.fingerprint.weights) {
    LogWarning("drafter made for other weights draft_model={} made_for={} model_has={}", info.name,
               info.target->weights, target.fingerprint.weights);
  }
  std::unique_ptr<DrafterServer> server(new DrafterServer(config, target, std::move(model)));
  CHIMERA_ASSIGN_OR_RETURN(server->exposer_,
                           ServeMetrics(config.metrics_address, {server->registry_}));
  CHIMERA_RETURN_IF_ERROR(server->Listen());
  return server;
}

DrafterServer::DrafterServer(const DrafterConfig& config, const TargetInfo& target,
                             std::unique_ptr<DraftModel> model)
    : shutdown_timeout_(config.shutdown_timeout),
      metrics_(registry_.get(), {.model_name = model->info().name}),
      service_(target, std::move(model), config.max_sequences, &metrics_,
               [this](const absl::Status& reason) { DeviceLost(reason); }),
      runner_(config.server) {}

absl::Status DrafterServer::Listen() {
  runner_.AddService(service_.service(), v1::DrafterService::service_full_name());
  std::unique_ptr<grpc::ServerCompletionQueue> queue = runner_.AddCompletionQueue();
  if (absl::Status started = runner_.Start(); !started.ok()) {
    queue->Shutdown();
    void* tag;
    bool ok;
    while (queue->Next(&tag, &ok)) {
    }
    return started;
  }
  state_ = State::kServing;
  metrics_.service.ready.Set(1);
  service_.Start(std::move(queue));
  return absl::OkStatus();
}

void DrafterServer::DeviceLost(const absl::Status& reason) {
  LogError("device lost, restart the process reason={}", reason.ToString());
  metrics_.service.ready.Set(0);
  runner_.SetBroken();
}

DrafterServer::~DrafterServer() {
  if (state_ != State::kServing) return;
  service_.Drain(ServerRunner::Deadline());
  const absl::Status drained = runner_.Drain([](ServerRunner::Deadline) {}, {});
  CHIMERA_CHECK(drained.ok()) << drained;
  service_.Stop();
}

absl::Status DrafterServer::Drain() {
  CHIMERA_CHECK(state_ == State::kServing) << "not serving";
  state_ = State::kDrained;
  metrics_.service.ready.Set(0);
  metrics_.service.draining.Set(1);
  CHIMERA_RETURN_IF_ERROR(runner_.Drain(
      [this](ServerRunner::Deadline deadline) { service_.Drain(deadline); }, shutdown_timeout_));
  service_.Stop();
  return absl::OkStatus();
}

}  // namespace chimera
