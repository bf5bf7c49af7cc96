#include "tests/tools/chimera/fake_server.h"

#include <grpc/grpc.h>

#include "common/base/check.h"

namespace chimera::testing {

FakeServer::FakeServer(const Address& address, FakeGenerationService* service)
    : runner_(ServerConfig{.listen_addresses = {address}}) {
  // One reference that stays: without it the last object to go shuts the library down, for which
  // gRPC 1.51 waits up to 10 seconds where a write was blocked.
  grpc_init();
  runner_.AddService(service, v1::GenerationService::service_full_name());
  const absl::Status status = runner_.Start();
  CHIMERA_CHECK(status.ok()) << status.ToString();
}

}  // namespace chimera::testing
