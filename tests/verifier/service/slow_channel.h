// A connection of its own that holds next to nothing of what its client does not read.

#ifndef CHIMERA_TESTS_VERIFIER_SERVICE_SLOW_CHANNEL_H_
#define CHIMERA_TESTS_VERIFIER_SERVICE_SLOW_CHANNEL_H_

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/grpcpp.h>

#include <memory>

#include "common/rpc/address.h"

namespace chimera::testing {

// By default gRPC buffers 64 KiB of a stream, which is more than a tiny model says.
inline std::shared_ptr<grpc::Channel> SlowChannel(const Address& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 16);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address.ToString(), grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_SERVICE_SLOW_CHANNEL_H_
