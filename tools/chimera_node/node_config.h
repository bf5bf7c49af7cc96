// How a node is set up.

#ifndef CHIMERA_TOOLS_CHIMERA_NODE_NODE_CONFIG_H_
#define CHIMERA_TOOLS_CHIMERA_NODE_NODE_CONFIG_H_

#include <string>

#include "drafter/drafter_config.h"
#include "drafter/tree_shape.h"
#include "verifier/verifier_config.h"

namespace chimera {

// A validated value (flags.h).
struct NodeConfig {
  VerifierConfig verifier;
  DraftModelChoice draft_model;
  TreeShape tree_shape;  // as DrafterConfig's
  std::string log_level;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_NODE_NODE_CONFIG_H_
