// Trees of tokens for tests of attention.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_TREES_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_TREES_H_

#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "common/base/check.h"
#include "common/tree/token_tree.h"

namespace chimera::testing {

// Node i has token i.
inline TokenTree TreeOfParents(const std::vector<int32_t>& parents) {
  std::vector<int32_t> tokens(parents.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  auto tree = TokenTree::Create(tokens, parents, TokenTree::kMaxNodes);
  CHIMERA_CHECK(tree.ok()) << tree.status().ToString();
  return *std::move(tree);
}

inline TokenTree RandomTree(int size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> parents = {-1};
  std::vector<int> depths = {0};
  while (static_cast<int>(parents.size()) < size) {
    // Of two nodes the deeper one, for trees of all depths.
    const int a = static_cast<int>(random() % parents.size());
    const int b = static_cast<int>(random() % parents.size());
    int parent = depths[a] > depths[b] ? a : b;
    if (depths[parent] == TokenTree::kMaxDepth) parent = 0;
    parents.push_back(parent);
    depths.push_back(depths[parent] + 1);
  }
  return TreeOfParents(parents);
}

// All nodes are children of the root.
inline TokenTree WideTree(int size) {
  std::vector<int32_t> parents(size, 0);
  parents[0] = -1;
  return TreeOfParents(parents);
}

// Each node is the child of the one before it.
inline TokenTree ChainTree(int size) {
  std::vector<int32_t> parents(size);
  std::iota(parents.begin(), parents.end(), -1);
  return TreeOfParents(parents);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_TREES_H_
