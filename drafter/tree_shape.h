// Shapes of trees that do not depend on probabilities.

#ifndef CHIMERA_DRAFTER_TREE_SHAPE_H_
#define CHIMERA_DRAFTER_TREE_SHAPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chimera {

// Children of each node, by its depth: the root has tree_shape[0] children, each of these
// tree_shape[1], and so on. Empty: trees grow where they are likely to be accepted.
using TreeShape = std::vector<int32_t>;

// What a flag --tree_shape takes.
inline constexpr char kTreeShapeHelp[] =
    "for comparison: grow trees of one shape, such as 4,2,1, which has four children of the root, "
    "two of each of these and one of each of those; empty: where they are likely to be accepted";

// The shape of the flag's value. INVALID_ARGUMENT if that is no list of positive numbers, or a tree
// of more nodes or levels than there can be.
absl::StatusOr<TreeShape> ParseTreeShape(const std::string& value);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_TREE_SHAPE_H_
