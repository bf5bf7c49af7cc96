#include "tools/gpu_bench/imposed_trees.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/check.h"

namespace chimera {
namespace {

// What is certain: the token after the root, and after each node of the accepted path.
TokenTree MakeTree(std::span<const int32_t> truth, int depth, const ImposedOptions& options) {
  std::vector<int32_t> tokens = {truth[0]};
  std::vector<int32_t> parents = {-1};
  std::vector<int> depths = {0};
  std::vector<int32_t> wrong_children(options.tree_size, 0);  // of each node, so far
  for (int node = 1; node < options.tree_size; ++node) {
    if (node <= depth) {
      tokens.push_back(truth[node]);
      parents.push_back(node - 1);
    } else {
      // A binary tree below the path.
      int parent = (node - 1) / 2;
      if (depths[parent] == TokenTree::kMaxDepth) parent = 0;
      const int32_t right = parent <= depth ? truth[parent + 1] : tokens[parent];
      tokens.push_back((right + 1 + wrong_children[parent]++) % options.vocab_size);
      parents.push_back(parent);
    }
    depths.push_back(depths[parents.back()] + 1);
  }
  absl::StatusOr<TokenTree> tree = TokenTree::Create(tokens, parents, options.vocab_size);
  CHIMERA_CHECK(tree.ok()) << tree.status();
  return *std::move(tree);
}

}  // namespace

std::vector<ImposedStep> ImposeAcceptance(std::span<const int32_t> continuation,
                                          const ImposedOptions& options) {
  CHIMERA_CHECK(options.tree_size >= 1 && options.tree_size <= TokenTree::kMaxNodes);
  CHIMERA_CHECK(options.vocab_size >= 2 * options.tree_size);
  std::mt19937 random(1);
  std::bernoulli_distribution accepts(options.acceptance);
  const int count = static_cast<int>(continuation.size());
  std::vector<ImposedStep> steps;
  // A step yields the tokens of its path and one more.
  for (int first = 0; first + 1 < count; first += steps.back().depth + 1) {
    const int most =
        std::min({int{TokenTree::kMaxDepth}, options.tree_size - 1, count - first - 2});
    int depth = 0;
    while (depth < most && accepts(random)) ++depth;
    steps.push_back({first, depth, MakeTree(continuation.subspan(first), depth, options)});
  }
  return steps;
}

}  // namespace chimera
