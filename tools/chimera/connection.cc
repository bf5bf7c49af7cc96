#include "tools/chimera/connection.h"

#include "common/base/status_macros.h"
#include "common/rpc/channel.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ServerChoice& choice,
                                                             Cancellation* cancellation) {
  std::unique_ptr<Connection> connection(new Connection());
  Address address;
  if (const auto* local = std::get_if<LocalNodeConfig>(&choice)) {
    CHIMERA_ASSIGN_OR_RETURN(connection->node_, LocalNode::Start(*local, cancellation));
    address = connection->node_->address();
  } else {
    address = std::get<Address>(choice);
  }
  connection->client_ = std::make_unique<GenerationClient>(CreateChannel(address), cancellation);
  return connection;
}

}  // namespace chimera
