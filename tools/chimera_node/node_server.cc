#include "tools/chimera_node/node_server.h"

#include <chrono>
#include <utility>

#include "common/base/status_macros.h"
#include "drafter/draft_model_factory.h"

namespace chimera {
namespace {

DrafterConfig MakeDrafterConfig(const NodeConfig& config) {
  DrafterConfig drafter;
  drafter.draft_model = config.draft_model;
  drafter.tree_shape = config.tree_shape;
  drafter.device = config.verifier.device;
  // One for every running request, and as many that have ended and are yet to be closed.
  drafter.max_sequences = 2 * config.verifier.engine.max_running_requests;
  return drafter;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeServer>> NodeServer::Start(const NodeConfig& config) {
  const auto start = std::chrono::steady_clock::now();
  CHIMERA_ASSIGN_OR_RETURN(std::shared_ptr<const LlamaModel> target,
                           LlamaModel::Open(config.verifier.model_path));
  CHIMERA_ASSIGN_OR_RETURN(std::shared_ptr<ThreadPool> threads,
                           ThreadPool::Create(config.verifier.thread_count));
  // Before the verifier, whose pages take what memory of the device is left.
  const DrafterConfig drafter_config = MakeDrafterConfig(config);
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<DraftModel> draft_model,
                           MakeDraftModel(drafter_config, target, threads));
  CHIMERA_ASSIGN_OR_RETURN(LoadedModel loaded,
                           VerifierServer::Load(config.verifier, std::move(target), threads));
  loaded.load_time = std::chrono::steady_clock::now() - start;
  std::unique_ptr<NodeServer> node(new NodeServer());
  CHIMERA_ASSIGN_OR_RETURN(
      node->drafter_,
      DrafterServer::Start(drafter_config, MakeTargetInfo(*loaded.model), std::move(draft_model)));
  DrafterServer* const drafter = node->drafter_.get();
  const ExtraDrafter in_process = {"in-process", [drafter] { return drafter->InProcessChannel(); },
                                   drafter->metrics()};
  CHIMERA_ASSIGN_OR_RETURN(node->verifier_,
                           VerifierServer::Start(config.verifier, std::move(loaded), {in_process}));
  return node;
}

absl::Status NodeServer::Drain() {
  CHIMERA_RETURN_IF_ERROR(verifier_->Drain());
  return drafter_->Drain();
}

}  // namespace chimera
