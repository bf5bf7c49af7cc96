// Trees of which so many levels are accepted as somebody wishes.

#ifndef CHIMERA_TOOLS_GPU_BENCH_IMPOSED_TREES_H_
#define CHIMERA_TOOLS_GPU_BENCH_IMPOSED_TREES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/tree/token_tree.h"

namespace chimera {

// A step that is verified after `first` tokens of the continuation, its root being the next.
struct ImposedStep {
  int first = 0;
  int depth =
      0;  // candidates that are accepted: nodes 1 to depth, each the child of the one before
  TokenTree tree;
};

struct ImposedOptions {
  double acceptance = 0;  // probability that the next candidate is accepted, in [0, 1)
  int tree_size = TokenTree::kMaxNodes;
  int32_t vocab_size = 0;  // at least 2 * tree_size
};

// The steps that generate the rest of `continuation` from its first token, which is certain. Each
// tree holds the true continuation to a depth that is drawn for it, and wrong tokens everywhere
// else: a target whose tokens these are accepts the one and none of the others. The depth is how
// often in a row a draw of probability `acceptance` succeeds, at most TokenTree::kMaxDepth, what
// fits into the tree, and what is left. Equal arguments give equal steps.
std::vector<ImposedStep> ImposeAcceptance(std::span<const int32_t> continuation,
                                          const ImposedOptions& options);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_IMPOSED_TREES_H_
