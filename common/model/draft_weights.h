// A draft network's weights, as its file holds them.

#ifndef CHIMERA_COMMON_MODEL_DRAFT_WEIGHTS_H_
#define CHIMERA_COMMON_MODEL_DRAFT_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "common/model/tensor_view.h"

namespace chimera {

// With D the hidden size, H trigram_hidden_size, T the number of tapped layers, K depth_heads.

struct TrigramEncoderWeights {
  TensorView w1;  // [H, trigram_order D]
  TensorView w2;  // [D, H]
};

struct FeatureFusionWeights {
  TensorView norms;   // [T, D]
  TensorView weight;  // W_f [D, T D]
};

struct ContextEncoderWeights {
  TensorView token_norm;        // [1, D]
  TensorView feature_norm;      // [1, D]
  TensorView input;             // W_z [D, 2 D]
  TensorView attention_norm;    // [1, D]
  TensorView query;             // [query_size, D]
  TensorView key;               // [kv_size, D]
  TensorView value;             // [kv_size, D]
  TensorView attention_output;  // [D, query_size]
  TensorView ffn_norm;          // [1, D]
  TensorView ffn_gate;          // [ffn_size, D]
  TensorView ffn_up;            // [ffn_size, D]
  TensorView ffn_down;          // [D, ffn_size]
};

struct ResidualHeadWeights {
  TensorView weight;     // W_r of all heads [K D, D]; without rows if the residual is left out
  TensorView norm;       // [1, D]
  TensorView embedding;  // E [draft_vocab_size, D]
  std::vector<int32_t> vocabulary;  // [draft_vocab_size] the target's token of each row, ascending
};

// Views of memory that outlives it.
struct DraftWeights {
  TrigramEncoderWeights trigram_encoder;
  FeatureFusionWeights feature_fusion;
  ContextEncoderWeights context_encoder;
  ResidualHeadWeights residual_head;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_DRAFT_WEIGHTS_H_
