// chimera-verifier: hosts the target model and serves clients.

#include "common/rpc/service_main.h"
#include "verifier/flags.h"
#include "verifier/verifier_server.h"

int main(int argc, char** argv) {
  return chimera::RunService<chimera::VerifierServer>("chimera-verifier",
                                                      chimera::ParseVerifierFlags, argc, argv);
}
