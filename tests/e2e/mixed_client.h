// A client that does everything a client may do, and some things it should not.

#ifndef CHIMERA_TESTS_E2E_MIXED_CLIENT_H_
#define CHIMERA_TESTS_E2E_MIXED_CLIENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "tests/e2e/service_process.h"

namespace chimera::testing {

// Sends random requests to a verifier with a tiny model: read to the end, cancelled, aborted, lost
// with their connection, late, invalid, and calls that generate nothing. Fails the test if one ends
// otherwise than it may. One thread.
class MixedClient {
 public:
  MixedClient(const ServiceProcess* verifier, uint32_t seed)
      : verifier_(*verifier), random_(seed), stub_(verifier->NewStub()) {
    GetServerInfo(stub_.get());  // connects
  }

  void SendOne();

  // How many requests of each kind were sent.
  const std::map<std::string, int>& counts() const { return counts_; }

 private:
  v1::GenerateRequest MakeRequest();
  // Reads some messages of a call and leaves it: by cancelling, aborting or its deadline.
  void Leave(const std::string& how);
  void LoseConnection();
  void SendInvalid();
  void CallOthers();

  const ServiceProcess& verifier_;
  std::mt19937 random_;
  const std::unique_ptr<v1::GenerationService::Stub> stub_;
  std::map<std::string, int> counts_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_MIXED_CLIENT_H_
