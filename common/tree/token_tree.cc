#include "common/tree/token_tree.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera {

void TokenTree::Append(int32_t token, int parent) {
  const int node = size();
  tokens_.push_back(token);
  parents_.push_back(parent);
  depths_.push_back(parent < 0 ? 0 : depths_[parent] + 1);
  ancestors_.push_back((parent < 0 ? 0 : ancestors_[parent]) | uint64_t{1} << node);
}

absl::StatusOr<TokenTree> TokenTree::Create(std::span<const int32_t> tokens,
                                            std::span<const int32_t> parents, int32_t vocab_size) {
  if (tokens.empty() || tokens.size() > kMaxNodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("tree has ", tokens.size(), " nodes, must have 1 to ", kMaxNodes));
  }
  if (parents.size() != tokens.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tree has ", tokens.size(), " tokens but ", parents.size(), " parents"));
  }
  if (parents[0] != -1) {
    return absl::InvalidArgumentError(
        absl::StrCat("tree node 0 has parent ", parents[0], ", must be -1"));
  }
  TokenTree tree;
  for (int node = 0; node < static_cast<int>(tokens.size()); ++node) {
    if (tokens[node] < 0 || tokens[node] >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tree node ", node, " has token ", tokens[node], ", must be in [0, ", vocab_size, ")"));
    }
    if (node > 0) {
      const int parent = parents[node];
      if (parent < 0 || parent >= node) {
        return absl::InvalidArgumentError(absl::StrCat("tree node ", node, " has parent ", parent,
                                                       ", must be in [0, ", node, ")"));
      }
      if (tree.depths_[parent] == kMaxDepth) {
        return absl::InvalidArgumentError(
            absl::StrCat("tree node ", node, " is deeper than ", kMaxDepth));
      }
      if (tree.FindChild(parent, tokens[node]).has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("tree node ", node, " repeats token ", tokens[node], " of a sibling"));
      }
    }
    tree.Append(tokens[node], parents[node]);
  }
  return tree;
}

TokenTree TokenTree::RootOnly(int32_t token) {
  TokenTree tree;
  tree.Append(token, -1);
  return tree;
}

std::optional<int> TokenTree::FindChild(int node, int32_t token) const {
  for (int child = node + 1; child < size(); ++child) {
    if (parents_[child] == node && tokens_[child] == token) return child;
  }
  return std::nullopt;
}

TokenTree TokenTree::Prefix(int size) const {
  CHIMERA_CHECK(size >= 1 && size <= this->size()) << "size " << size << " of " << this->size();
  TokenTree tree;
  for (int node = 0; node < size; ++node) tree.Append(tokens_[node], parents_[node]);
  return tree;
}

}  // namespace chimera
