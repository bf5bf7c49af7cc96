// The main function of a service.

#ifndef CHIMERA_COMMON_RPC_SERVICE_MAIN_H_
#define CHIMERA_COMMON_RPC_SERVICE_MAIN_H_

#include <grpc/grpc.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/log.h"
#include "common/rpc/service_flags.h"
#include "common/rpc/termination_signals.h"

namespace chimera {

// A process that serves from start to SIGTERM or SIGINT, then drains. `parse` makes the validated
// configuration from the command line; it has a log_level. Server has a static Start(const
// Config&), addresses(), metrics_address() and Drain(). Returns the exit code: 0 after draining, 1
// if the start failed or a call outlasted the drain, 2 if a flag's value is wrong. The process must
// have one thread when called.
template <typename Server, typename Config>
int RunService(const char* program, absl::StatusOr<Config> (*parse)(int, char**), int argc,
               char** argv) {
  const auto fail = [program](const absl::Status& status, int exit_code) {
    std::fprintf(stderr, "%s: %s\n", program, status.ToString().c_str());
    return exit_code;
  };
  BlockTerminationSignals();
  // Never undone: the library's own shutdown can wait ten seconds for one of its threads, and the
  // process ends anyway.
  grpc_init();
  const absl::StatusOr<Config> config = parse(argc, argv);
  if (!config.ok()) return fail(config.status(), 2);
  const absl::Status logging = InitLogging(program, config->log_level);
  if (!logging.ok()) return fail(logging, 2);
  const absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(*config);
  if (!server.ok()) return fail(server.status(), 1);
  PrintListening(program, (*server)->addresses());
  if (const std::string address = (*server)->metrics_address(); !address.empty()) {
    LogInfo("serving metrics address={}", address);
  }
  const int signal = WaitForTermination();
  LogInfo("draining signal={}", signal);
  // A call that ignores its cancellation may still use the server, which must then not be
  // destroyed.
  if (!(*server)->Drain().ok()) std::quick_exit(1);
  LogInfo("stopped");
  return 0;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_SERVICE_MAIN_H_
