// chimera-verifier: hosts the target model and serves clients.

#include "common/rpc/service_main.h"
#include "verifier/flags.h"
#include "verifier/verifier_server.h"

namespace {

constexpr char kUsage[] =
    "Hosts a target model and serves chimera.v1.GenerationService. Drafters make it faster and "
    "never change its answers.";

absl::StatusOr<chimera::VerifierConfig> ParseFlags(int argc, char** argv) {
  return chimera::ParseVerifierFlags(kUsage, argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  return chimera::RunService<chimera::VerifierServer>("chimera-verifier", ParseFlags, argc, argv);
}
