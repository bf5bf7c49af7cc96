// The draft network: trigram encoder, context encoder and residual head together.

#ifndef CHIMERA_DRAFTER_NETWORK_DRAFT_NETWORK_H_
#define CHIMERA_DRAFTER_NETWORK_DRAFT_NETWORK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa_type.h"
#include "common/model/tensor_view.h"
#include "drafter/network/context_encoder.h"
#include "drafter/network/draft_context.h"
#include "drafter/network/draft_network_config.h"
#include "drafter/network/draft_weights.h"
#include "drafter/network/feature_fusion.h"
#include "drafter/network/residual_head.h"
#include "drafter/network/trigram_encoder.h"

namespace chimera {

// A candidate to go on from.
struct DraftNode {
  int32_t tree = 0;  // index into the contexts of StartTrees
  int32_t parent =
      -1;  // index of its parent among the nodes of all ExtendTrees since; -1: the root
  int32_t token = 0;
};

// Computes for many sequences at once. What it computes for one does not depend on the others. One
// thread.
class DraftNetwork {
 public:
  struct Options {
    CpuIsa isa = CpuIsa::kPortable;
    // They compute, the caller among them; not null.
    std::shared_ptr<ThreadPool> threads = std::make_shared<ThreadPool>(1);
    int64_t position_limit = 0;  // positions are below it
  };

  // Repacks the weights. `embedding` is the target's token embedding [vocab_size, hidden_size] and
  // must outlive the object.
  DraftNetwork(const DraftNetworkConfig& config, const DraftWeights& weights,
               const TensorView& embedding, const Options& options);

  const DraftNetworkConfig& config() const { return config_; }
  // [draft_vocab_size] the target's token of each logit, ascending.
  std::span<const int32_t> vocabulary() const { return residual_head_.vocabulary(); }

  // Encodes what came for each context. No two are the same.
  void EncodeContexts(std::span<DraftContext* const> contexts);

  // Starts a tree behind the newest token of each context and returns the logits of the tokens that
  // follow it, [n_contexts, depth_heads, draft_vocab_size], valid until the next call: head k's are
  // of the (k + 1)-th token. REQUIRES: every context is_current().
  const float* StartTrees(std::span<DraftContext* const> contexts);

  // Adds nodes, whose number may be told from their order, and returns the logits of the tokens
  // that follow each, [n_nodes, draft_vocab_size], valid until the next call. The contexts of
  // StartTrees must be as they were. REQUIRES: depth_heads is 1, parents come before their
  // children.
  const float* ExtendTrees(std::span<const DraftNode> nodes);

 private:
  // A node of the trees under way.
  struct NodeState {
    DraftNode node;
    int64_t position = 0;  // of its row in the encoder: that before its token
  };

  // Rows of one context that are encoded now.
  struct ContextPart {
    DraftContext* context;
    int64_t begin;  // position
    int64_t end;
  };

  ContextPart TakeReady(DraftContext* context) const;
  Trigram TrigramOf(const DraftNode& node) const;
  // The token `steps` before the node's own, on the path to it.
  int32_t TokenBefore(const DraftNode& node, int steps) const;

  const DraftNetworkConfig config_;
  const std::shared_ptr<ThreadPool> threads_;
  BufferArena arena_;
  RowProducts products_;
  TrigramEncoder trigram_encoder_;
  FeatureFusion feature_fusion_;
  ContextEncoder context_encoder_;
  ResidualHead residual_head_;

  std::vector<DraftContext*> trees_;   // of StartTrees
  std::vector<float> root_encodings_;  // [n_trees, hidden_size]
  std::vector<NodeState> nodes_;       // of ExtendTrees
  std::vector<float> node_encodings_;  // [n_nodes, hidden_size]

  // Of the call under way.
  std::vector<Trigram> trigrams_;
  std::vector<const uint16_t*> states_;
  std::vector<ContextRow> context_rows_;
  std::vector<EncoderRow> encoder_rows_;
  std::vector<const float*> residuals_;
  std::vector<float> trigram_outputs_, features_, z_, logits_;
  std::vector<float> newest_features_, newest_residuals_;  // [n_contexts, ...]
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_DRAFT_NETWORK_H_
