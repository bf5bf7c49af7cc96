// A service as users run it: the binary, in a process of its own.

#ifndef CHIMERA_TESTS_E2E_SERVICE_PROCESS_H_
#define CHIMERA_TESTS_E2E_SERVICE_PROCESS_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/rpc/address.h"
#include "tests/testing/child_process.h"
#include "tests/testing/process_stats.h"
#include "tests/testing/temp_directory.h"

namespace chimera::testing {

// A verifier or drafter on a Unix socket. Killed with the object. One thread, but for the address
// and what was made from it.
class ServiceProcess {
 public:
  // Starts `program` with --listen, without metrics, and `arguments`; returns once it serves, or
  // fails the test.
  ServiceProcess(const std::string& program, std::vector<std::string> arguments);

  const Address& address() const { return address_; }
  std::shared_ptr<grpc::Channel> NewChannel() const;
  std::unique_ptr<v1::GenerationService::Stub> NewStub() const;

  pid_t pid() const { return process_->pid(); }
  // Throws, and so fails the test with what the process said last, if it does not run any more.
  ProcessStats Stats() const;

 private:
  const TempDirectory directory_;
  Address address_;
  std::unique_ptr<ChildProcess> process_;
};

// GetServerInfo, which must succeed.
v1::GetServerInfoResponse GetServerInfo(v1::GenerationService::Stub* stub);

// Waits until no request runs or waits. Returns false if some still does.
bool WaitUntilIdle(v1::GenerationService::Stub* stub);

// Waits until the verifier's drafter is ready.
bool WaitForDrafter(v1::GenerationService::Stub* stub);

// The value of an environment variable, `otherwise` if it is not set.
std::chrono::seconds SecondsFromEnvironment(const char* name, std::chrono::seconds otherwise);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_SERVICE_PROCESS_H_
