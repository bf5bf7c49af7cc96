// The draft network, slow and obvious: the oracle for DraftNetwork.

#ifndef CHIMERA_DRAFTER_NETWORK_DRAFT_NETWORK_REFERENCE_H_
#define CHIMERA_DRAFTER_NETWORK_DRAFT_NETWORK_REFERENCE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/model/tensor_view.h"

namespace chimera {

// What a drafter was told of a sequence.
struct DraftReferenceContext {
  int64_t start_position = 0;       // of the first token
  std::span<const int32_t> tokens;  // up to the newest
  // bf16 bits [n_rows, n_tapped, hidden_size] of the positions from `first_row` to that before the
  // newest token.
  int64_t first_row = 0;
  std::span<const uint16_t> states;
};

// The logits of the tokens that follow the newest token, [depth_heads, draft_vocab_size], and then
// of those that follow each token of `path`, which goes on from it, [draft_vocab_size] each. The
// window is that of ContextWindow. REQUIRES: `path` is empty if depth_heads is not 1.
std::vector<std::vector<float>> DraftNetworkReference(const DraftNetworkConfig& config,
                                                      const DraftWeights& weights,
                                                      const TensorView& embedding,
                                                      const DraftReferenceContext& context,
                                                      std::span<const int32_t> path);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_DRAFT_NETWORK_REFERENCE_H_
