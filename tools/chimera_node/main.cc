// chimera-node: a verifier and a drafter in one process.

#include "common/rpc/service_main.h"
#include "tools/chimera_node/flags.h"
#include "tools/chimera_node/node_server.h"

int main(int argc, char** argv) {
  return chimera::RunService<chimera::NodeServer>("chimera-node", chimera::ParseNodeFlags, argc,
                                                  argv);
}
