// The walk that turns the target's choices at every node of a tree into accepted tokens.

#ifndef CHIMERA_COMMON_TREE_ACCEPTANCE_WALK_H_
#define CHIMERA_COMMON_TREE_ACCEPTANCE_WALK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/tree/token_tree.h"

namespace chimera {

// What one verification step yields.
struct AcceptedPath {
  // The nodes whose token is now certain, root first, each the parent of the next. Their K/V is
  // committed.
  std::vector<int> nodes;
  // The tokens that the target produced, one per node of `nodes`: tokens[i] follows nodes[i]. All
  // but the last are the tokens of nodes[1..]; the last is the bonus token, the root of the next
  // tree.
  std::vector<int32_t> tokens;
};

// Follows the target down the tree: at each node it emits the token that the target chose there and
// moves to the child that carries it, until no child does. The same walk serves greedy decoding and
// sampling, because the choice at a node does not depend on the tree. REQUIRES: chosen.size() ==
// tree.size(); chosen[i] is the target's token after node i.
AcceptedPath WalkAcceptedPath(const TokenTree& tree, std::span<const int32_t> chosen);

}  // namespace chimera

#endif  // CHIMERA_COMMON_TREE_ACCEPTANCE_WALK_H_
