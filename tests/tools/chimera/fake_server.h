// Serves a fake GenerationService.

#ifndef CHIMERA_TESTS_TOOLS_CHIMERA_FAKE_SERVER_H_
#define CHIMERA_TESTS_TOOLS_CHIMERA_FAKE_SERVER_H_

#include "common/rpc/address.h"
#include "common/rpc/server_runner.h"
#include "tests/tools/chimera/fake_generation_service.h"

namespace chimera::testing {

// Serves from construction to destruction, with grpc.health.v1 saying SERVING.
class FakeServer {
 public:
  // `service` must outlive the server.
  FakeServer(const Address& address, FakeGenerationService* service);

 private:
  ServerRunner runner_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TOOLS_CHIMERA_FAKE_SERVER_H_
