// chimera-drafter: proposes continuations to verifiers.

#include "common/rpc/service_main.h"
#include "drafter/drafter_server.h"
#include "drafter/flags.h"

int main(int argc, char** argv) {
  return chimera::RunService<chimera::DrafterServer>("chimera-drafter", chimera::ParseDrafterFlags,
                                                     argc, argv);
}
