// Fusion of the target's tapped hidden states into one feature vector per position.

#ifndef CHIMERA_DRAFTER_NETWORK_FEATURE_FUSION_H_
#define CHIMERA_DRAFTER_NETWORK_FEATURE_FUSION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/cpu/buffer_arena.h"
#include "common/cpu/packed_linear.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "drafter/network/row_products.h"

namespace chimera {

// f = W_f [norm_1 h_1; ...; norm_T h_T], h_i being the state of the i-th tapped layer. One thread.
class FeatureFusion {
 public:
  // As TrigramEncoder's.
  FeatureFusion(const DraftNetworkConfig& config, const FeatureFusionWeights& weights,
                BufferArena* arena, RowProducts* products);

  // `states`: a pointer per row to bf16 bits [n_tapped, hidden_size]. output [n_rows, hidden_size].
  void Fuse(std::span<const uint16_t* const> states, float* output);

 private:
  const DraftNetworkConfig& config_;
  RowProducts* const products_;
  const std::vector<float> norms_;  // [n_tapped, hidden_size]
  const PackedLinear weight_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_FEATURE_FUSION_H_
