#include "common/tree/acceptance_walk.h"

#include <optional>

#include "common/base/check.h"

namespace chimera {

AcceptedPath WalkAcceptedPath(const TokenTree& tree, std::span<const int32_t> chosen) {
  CHIMERA_CHECK(static_cast<int>(chosen.size()) == tree.size());
  AcceptedPath path;
  std::optional<int> node = 0;
  while (node.has_value()) {
    path.nodes.push_back(*node);
    path.tokens.push_back(chosen[*node]);
    node = tree.FindChild(*node, chosen[*node]);
  }
  return path;
}

}  // namespace chimera
