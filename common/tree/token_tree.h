// A tree of candidate tokens: what a drafter proposes and the target checks in one forward pass.

#ifndef CHIMERA_COMMON_TREE_TOKEN_TREE_H_
#define CHIMERA_COMMON_TREE_TOKEN_TREE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace chimera {

// An immutable, validated tree. Node 0, the root, is the last committed token, whose K/V is not
// computed yet. Every other node is a candidate for the position after its parent's. Copyable; a
// const object may be read from any thread.
//
// Invariants:
//  (1) 1 <= size() <= kMaxNodes.
//  (2) parent(0) == -1 and 0 <= parent(i) < i for i > 0: every prefix of the nodes is a valid tree.
//  (3) depth(0) == 0, depth(i) == depth(parent(i)) + 1 <= kMaxDepth.
//  (4) Siblings have different tokens.
//  (5) Every token is in [0, vocab_size) of the Create call.
class TokenTree {
 public:
  // Both are constants of the numerics id (docs/architecture.md): the attention kernels rely on
  // them.
  static constexpr int kMaxNodes = 64;
  static constexpr int kMaxDepth = 15;

  // Builds a tree from parallel arrays, root included. parents[0] must be -1. Returns
  // INVALID_ARGUMENT, naming the node and the limit, where the arrays break an invariant. The
  // arrays may come from an untrusted peer.
  static absl::StatusOr<TokenTree> Create(std::span<const int32_t> tokens,
                                          std::span<const int32_t> parents, int32_t vocab_size);

  // The tree that has no candidate: plain decoding.
  static TokenTree RootOnly(int32_t token);

  int size() const { return static_cast<int>(tokens_.size()); }
  int32_t token(int node) const { return tokens_[node]; }
  int parent(int node) const { return parents_[node]; }
  int depth(int node) const { return depths_[node]; }
  std::span<const int32_t> tokens() const { return tokens_; }

  // Bit j is set if node j is `node` itself or one of its ancestors: the nodes whose K/V the row of
  // `node` attends to.
  uint64_t ancestors(int node) const { return ancestors_[node]; }

  // The child of `node` that carries `token`, if there is one.
  std::optional<int> FindChild(int node, int32_t token) const;

  // The tree of the first `size` nodes. REQUIRES: 1 <= size <= this->size().
  TokenTree Prefix(int size) const;

 private:
  TokenTree() = default;
  void Append(int32_t token, int parent);

  std::vector<int32_t> tokens_;
  std::vector<int32_t> parents_;
  std::vector<int32_t> depths_;
  std::vector<uint64_t> ancestors_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TREE_TOKEN_TREE_H_
