// Paths in token trees, by following parents.

#ifndef CHIMERA_TESTS_TESTING_TREE_PATH_H_
#define CHIMERA_TESTS_TESTING_TREE_PATH_H_

#include <algorithm>
#include <vector>

#include "common/tree/token_tree.h"

namespace chimera::testing {

// The nodes from the root to `node`.
inline std::vector<int> PathNodes(const TokenTree& tree, int node) {
  std::vector<int> nodes;
  for (; node >= 0; node = tree.parent(node)) nodes.push_back(node);
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_TREE_PATH_H_
