// chimera-drafter: proposes continuations to verifiers.

#include <grpc/grpc.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "common/base/log.h"
#include "common/rpc/service_flags.h"
#include "common/rpc/termination_signals.h"
#include "drafter/drafter_server.h"
#include "drafter/flags.h"

namespace {

constexpr char kProgram[] = "chimera-drafter";

// Wrong usage and failed starts have different exit codes, as supervisors expect.
int Fail(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "%s: %s\n", kProgram, status.ToString().c_str());
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  chimera::BlockTerminationSignals();
  // Never undone: the library's own shutdown can wait ten seconds for one of its threads, and the
  // process ends anyway.
  grpc_init();
  const absl::StatusOr<chimera::DrafterConfig> config = chimera::ParseDrafterFlags(argc, argv);
  if (!config.ok()) return Fail(config.status(), 2);
  const absl::Status logging = chimera::InitLogging(kProgram, config->log_level);
  if (!logging.ok()) return Fail(logging, 2);
  absl::StatusOr<std::unique_ptr<chimera::DrafterServer>> server =
      chimera::DrafterServer::Start(*config);
  if (!server.ok()) return Fail(server.status(), 1);
  chimera::PrintListening(kProgram, (*server)->addresses());
  const int signal = chimera::WaitForTermination();
  chimera::LogInfo("draining signal={}", signal);
  if (!(*server)->Drain().ok()) {
    // A call that ignores its cancellation may still use the server.
    std::quick_exit(1);
  }
  chimera::LogInfo("stopped");
  return 0;
}
