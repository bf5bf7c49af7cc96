// The trigram encoder: what the newest tokens say (Chimera, arXiv 2402.15758).

#ifndef CHIMERA_DRAFTER_NETWORK_TRIGRAM_ENCODER_H_
#define CHIMERA_DRAFTER_NETWORK_TRIGRAM_ENCODER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/backend/draft_context.h"
#include "common/cpu/buffer_arena.h"
#include "common/cpu/packed_linear.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/model/tensor_view.h"
#include "drafter/network/row_products.h"

namespace chimera {

// t = W_2 silu(W_1 [e(x_{i-2}); e(x_{i-1}); e(x_i)]), e(x) being the target's embedding of token x
// divided by its root mean square, or zero where there is no token. Outputs of trigrams that come
// often are kept. One thread.
class TrigramEncoder {
 public:
  // `embedding` [vocab_size, hidden_size] must outlive the object, like `config` and `products`;
  // `weights` are repacked into `arena`.
  TrigramEncoder(const DraftNetworkConfig& config, const TrigramEncoderWeights& weights,
                 const TensorView& embedding, BufferArena* arena, RowProducts* products);

  // output [n_trigrams, hidden_size].
  void Encode(std::span<const Trigram> trigrams, float* output);

 private:
  // Trigrams whose outputs are kept, each in the place its hash says.
  static constexpr int64_t kCachePlaces = 2048;

  int64_t Place(const Trigram& trigram) const;
  void EncodeMisses(std::span<const Trigram> trigrams);
  void WriteEmbedding(int32_t token, float* output) const;

  const DraftNetworkConfig& config_;
  const TensorView embedding_;
  RowProducts* const products_;
  const PackedLinear w1_;
  const PackedLinear w2_;
  const std::vector<float> ones_;  // for the embeddings' norm, and as long as W_1's output

  std::vector<Trigram> cached_;        // [kCachePlaces]
  std::vector<float> cached_outputs_;  // [kCachePlaces, hidden_size]
  std::vector<int64_t> misses_;        // indices of the trigrams under way that are not kept
  std::vector<float> hidden_;          // [n_misses, trigram_hidden_size]
  std::vector<float> outputs_;         // [n_misses, hidden_size]
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_TRIGRAM_ENCODER_H_
