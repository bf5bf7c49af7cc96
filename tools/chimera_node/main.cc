// chimera-node: a verifier and a drafter in one process.

#include "common/rpc/service_main.h"
#include "tools/chimera_node/node_server.h"
#include "verifier/flags.h"

namespace {

constexpr char kUsage[] =
    "Hosts a target model together with a drafter for it, and serves chimera.v1.GenerationService. "
    "Takes the flags of chimera-verifier.";

absl::StatusOr<chimera::VerifierConfig> ParseFlags(int argc, char** argv) {
  return chimera::ParseVerifierFlags(kUsage, argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  return chimera::RunService<chimera::NodeServer>("chimera-node", ParseFlags, argc, argv);
}
