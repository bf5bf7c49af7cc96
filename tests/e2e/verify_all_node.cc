// chimera-node, but every candidate is verified, whether or not that pays: what tokens per step are
// worth then does not depend on the speed of the machine.

#include "common/base/status_macros.h"
#include "common/rpc/service_main.h"
#include "tools/chimera_node/flags.h"
#include "tools/chimera_node/node_server.h"
#include "verifier/engine/engine_config.h"

namespace chimera {
namespace {

absl::StatusOr<NodeConfig> ParseFlags(int argc, char** argv) {
  CHIMERA_ASSIGN_OR_RETURN(NodeConfig config, ParseNodeFlags(argc, argv));
  config.verifier.engine.planning = NodePlanning::kVerifyAll;
  return config;
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  return chimera::RunService<chimera::NodeServer>("verify_all_node", chimera::ParseFlags, argc,
                                                  argv);
}
