#include "tools/chimera_node/node_server.h"

#include <utility>

#include "common/base/status_macros.h"
#include "drafter/draft_model_factory.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<NodeServer>> NodeServer::Start(const NodeConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(LoadedModel loaded, VerifierServer::Load(config.verifier));
  DrafterConfig drafter_config;
  drafter_config.drafter_path = config.drafter_path;
  drafter_config.tree_shape = config.tree_shape;
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<DraftModel> draft_model,
                           MakeDraftModel(drafter_config, loaded.model, loaded.threads));
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
