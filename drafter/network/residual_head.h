// The residual head: logits of draft tokens (Chimera, arXiv 2402.15758).

#ifndef CHIMERA_DRAFTER_NETWORK_RESIDUAL_HEAD_H_
#define CHIMERA_DRAFTER_NETWORK_RESIDUAL_HEAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/cpu/buffer_arena.h"
#include "common/cpu/packed_linear.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "drafter/network/row_products.h"

namespace chimera {

// logits = E norm(g + W_r f), g being the context encoder's output and f the newest features that
// the target gave: the encoder need only say what they leave open. One thread.
class ResidualHead {
 public:
  // As TrigramEncoder's.
  ResidualHead(const DraftNetworkConfig& config, const ResidualHeadWeights& weights,
               BufferArena* arena, RowProducts* products);

  // residuals [n_rows, depth_heads, hidden_size] = W_r f, the same for all that is drafted behind
  // f.
  void ProjectFeatures(int64_t count, const float* features, float* residuals);

  // logits [n_rows, draft_vocab_size] of rows of `encodings` [n_rows, hidden_size] and a pointer
  // per row to the residual [hidden_size] of its features and head.
  void Score(const float* encodings, std::span<const float* const> residuals, float* logits);

  // [draft_vocab_size] the target's token of each logit, ascending.
  std::span<const int32_t> vocabulary() const { return vocabulary_; }

 private:
  const DraftNetworkConfig& config_;
  RowProducts* const products_;
  const PackedLinear weight_;
  const std::vector<float> norm_;
  const PackedLinear embedding_;
  const std::vector<int32_t> vocabulary_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_RESIDUAL_HEAD_H_
