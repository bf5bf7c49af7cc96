// Connections to services.

#ifndef CHIMERA_COMMON_RPC_CHANNEL_H_
#define CHIMERA_COMMON_RPC_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>

#include "common/rpc/address.h"

namespace chimera {

// What every channel of ours is built with: message limits, keepalive, fast reconnection (gRPC's
// own back-off grows to two minutes) and a connection of its own that no other channel shares. Also
// fit for in-process channels.
grpc::ChannelArguments DefaultChannelArguments();

// A channel to a service, without encryption. Connects when first used. Host names are resolved by
// gRPC, anew for every channel.
std::shared_ptr<grpc::Channel> CreateChannel(const Address& address);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_CHANNEL_H_
