// The server that a command talks to.

#ifndef CHIMERA_TOOLS_CHIMERA_CONNECTION_H_
#define CHIMERA_TOOLS_CHIMERA_CONNECTION_H_

#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/generation_client.h"
#include "tools/chimera/local_node.h"

namespace chimera {

// A running server, or services to start.
using ServerChoice = std::variant<Address, LocalNodeConfig>;

// A client, and the services that it talks to where they are our own. Not thread-safe; its client
// is.
class Connection {
 public:
  // Starts local services where they are chosen; a running server is not contacted yet.
  // `cancellation` must outlive the connection. Errors are those of LocalNode::Start.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ServerChoice& choice,
                                                          Cancellation* cancellation);

  GenerationClient& client() { return *client_; }

  // Where our own services serve metrics, "host:port"; empty where they do not, and for a running
  // server.
  std::string metrics_address() const { return node_ == nullptr ? "" : node_->metrics_address(); }

 private:
  Connection() = default;

  // The client goes first, so that the services can drain.
  std::unique_ptr<LocalNode> node_;
  std::unique_ptr<GenerationClient> client_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_CONNECTION_H_
