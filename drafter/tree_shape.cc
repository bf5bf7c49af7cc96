#include "drafter/tree_shape.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tree/token_tree.h"

namespace chimera {

absl::StatusOr<TreeShape> ParseTreeShape(const std::string& value) {
  TreeShape shape;
  if (value.empty()) return shape;
  int64_t level_size = 1, node_count = 0;
  for (const absl::string_view text : absl::StrSplit(value, ',')) {
    int32_t children = 0;
    if (!absl::SimpleAtoi(text, &children) || children < 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--tree_shape is \"", value, "\", must be positive numbers with commas between them"));
    }
    shape.push_back(children);
    level_size *= children;
    node_count += level_size;
    if (node_count > TokenTree::kMaxNodes - 1 || shape.size() > TokenTree::kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("--tree_shape is \"", value, "\", may have ", TokenTree::kMaxNodes - 1,
                       " nodes below the root and ", TokenTree::kMaxDepth, " levels"));
    }
  }
  return shape;
}

}  // namespace chimera
