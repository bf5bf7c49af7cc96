// A verifier and a drafter in one process.

#ifndef CHIMERA_TOOLS_CHIMERA_NODE_NODE_SERVER_H_
#define CHIMERA_TOOLS_CHIMERA_NODE_NODE_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "drafter/drafter_server.h"
#include "tools/chimera_node/node_config.h"
#include "verifier/verifier_server.h"

namespace chimera {

// Both services over one copy of the model, joined by gRPC's in-process channel: for one GPU, whose
// CUDA context they share, and for laptops. The drafter listens nowhere else; the verifier serves the
// metrics of both. Serves from Start until destroyed. One thread at a time.
class NodeServer {
 public:
  // Starts a verifier and a drafter for it as configured. Errors are those of VerifierServer::Start
  // and MakeDraftModel.
  static absl::StatusOr<std::unique_ptr<NodeServer>> Start(const NodeConfig& config);

  // As the verifier's.
  const std::vector<Address>& addresses() const { return verifier_->addresses(); }
  std::string metrics_address() const { return verifier_->metrics_address(); }

  // Drains the verifier, then the drafter. DEADLINE_EXCEEDED as ServerRunner::Drain.
  absl::Status Drain();

 private:
  NodeServer() = default;

  std::unique_ptr<DrafterServer> drafter_;
  std::unique_ptr<VerifierServer> verifier_;  // goes first: it has channels to the drafter
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_NODE_NODE_SERVER_H_
