#include "tools/chimera_node/node_server.h"

#include <utility>

#include "common/base/status_macros.h"
#include "drafter/ngram_draft_model.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<NodeServer>> NodeServer::Start(const VerifierConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(LoadedModel loaded, VerifierServer::Load(config));
  std::unique_ptr<NodeServer> node(new NodeServer());
  CHIMERA_ASSIGN_OR_RETURN(node->drafter_,
                           DrafterServer::Start(DrafterConfig(), MakeTargetInfo(*loaded.model),
                                                std::make_unique<NgramDraftModel>()));
  DrafterServer* const drafter = node->drafter_.get();
  const ExtraDrafter in_process = {"in-process", [drafter] { return drafter->InProcessChannel(); }};
  CHIMERA_ASSIGN_OR_RETURN(node->verifier_,
                           VerifierServer::Start(config, std::move(loaded), {in_process}));
  return node;
}

absl::Status NodeServer::Drain() {
  CHIMERA_RETURN_IF_ERROR(verifier_->Drain());
  return drafter_->Drain();
}

}  // namespace chimera
