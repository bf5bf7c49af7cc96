// The trees that a draft network is asked about.

#ifndef CHIMERA_COMMON_BACKEND_DRAFT_TREES_H_
#define CHIMERA_COMMON_BACKEND_DRAFT_TREES_H_

#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "common/backend/draft_context.h"
#include "common/backend/draft_network.h"
#include "common/base/check.h"

namespace chimera {

// Contexts and nodes as the calls of DraftNetwork name them. Context is the network's own, which
// all contexts are.
template <typename Context>
class DraftTrees {
 public:
  // As StartTrees.
  void Start(std::span<DraftContext* const> contexts) {
    contexts_.clear();
    nodes_.clear();
    for (DraftContext* const context : contexts) {
      CHIMERA_CHECK(context->is_current());
      contexts_.push_back(static_cast<Context*>(context));
    }
  }

  // As ExtendTrees. Returns the index of the first of them.
  int64_t Extend(std::span<const DraftNode> nodes) {
    const int64_t first = node_count();
    for (const DraftNode& node : nodes) {
      CHIMERA_CHECK(node.parent < first);
      // A root's row is that of the context's newest token.
      const int64_t parent_position = node.parent < 0 ? contexts_[node.tree]->last_position() - 1
                                                      : nodes_[node.parent].position;
      nodes_.push_back({node, parent_position + 1});
    }
    return first;
  }

  int64_t tree_count() const { return std::ssize(contexts_); }
  int64_t node_count() const { return std::ssize(nodes_); }
  const Context& context(int64_t tree) const { return *contexts_[tree]; }
  const DraftNode& node(int64_t index) const { return nodes_[index].node; }

  // Of the node's row in the encoder: that before its token.
  int64_t PositionOf(int64_t node) const { return nodes_[node].position; }

  // The node's token and the two before it on the path to it.
  Trigram TrigramOf(int64_t node) const {
    const DraftNode& newest = nodes_[node].node;
    return {TokenBefore(newest, 2), TokenBefore(newest, 1), newest.token};
  }

 private:
  struct NodeState {
    DraftNode node;
    int64_t position;
  };

  // The token `steps` before the node's own.
  int32_t TokenBefore(const DraftNode& node, int steps) const {
    if (steps == 0) return node.token;
    if (node.parent >= 0) return TokenBefore(nodes_[node.parent].node, steps - 1);
    const DraftContext& context = *contexts_[node.tree];
    return context.TrigramAt(context.last_position())[3 - steps];
  }

  std::vector<Context*> contexts_;
  std::vector<NodeState> nodes_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_DRAFT_TREES_H_
