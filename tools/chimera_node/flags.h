// The command line. Flags are those of the verifier (verifier/flags.cc) and what flags.cc adds.

#ifndef CHIMERA_TOOLS_CHIMERA_NODE_FLAGS_H_
#define CHIMERA_TOOLS_CHIMERA_NODE_FLAGS_H_

#include "absl/status/statusor.h"
#include "tools/chimera_node/node_config.h"

namespace chimera {

// INVALID_ARGUMENT, naming the flag and its limits, where one is out of range. Ends the process as
// ParseCommandLine (common/rpc/service_flags.h) does.
absl::StatusOr<NodeConfig> ParseNodeFlags(int argc, char** argv);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_NODE_FLAGS_H_
