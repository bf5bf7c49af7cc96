// Hyper-parameters of a draft network.

#ifndef CHIMERA_COMMON_MODEL_DRAFT_NETWORK_CONFIG_H_
#define CHIMERA_COMMON_MODEL_DRAFT_NETWORK_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/model/fingerprint.h"

namespace chimera {

// A validated, immutable value: readers of drafter files return it only after
// ValidateDraftNetworkConfig. docs/drafter.md explains the network.
struct DraftNetworkConfig {
  std::string name;
  std::string target_name;
  Fingerprint target;

  int32_t hidden_size = 0;       // of the target, and of the context encoder; a multiple of 32
  int32_t query_head_count = 0;  // of the context encoder's attention
  int32_t kv_head_count = 0;     // divides query_head_count
  int32_t head_dim = 0;          // a multiple of 16; query_size() is a multiple of 32
  int32_t ffn_size = 0;          // of the context encoder; a multiple of 32
  float rope_base = 10000.0f;
  float rms_norm_epsilon = 1e-5f;

  int32_t trigram_hidden_size = 0;  // width between W_1 and W_2; a multiple of 32
  int32_t trigram_order = 3;  // tokens that are encoded together: 3, or 1 for none but the last
  std::vector<int32_t> tapped_layers;  // ascending, as in StepBatch; 1 to 8
  // Tokens predicted by one pass of the encoder, each by a residual head of its own. 1: the network
  // goes on from its own output, one pass a token.
  int32_t depth_heads = 1;
  int32_t draft_vocab_size = 0;
  int32_t context_window = 0;  // positions that the encoder attends to

  int32_t query_size() const { return query_head_count * head_dim; }
  int32_t kv_size() const { return kv_head_count * head_dim; }
};

// Returns INVALID_ARGUMENT naming the field and its limit where a value is outside what Chimera
// supports. Every size is bounded so that products of two of them fit into int64_t.
absl::Status ValidateDraftNetworkConfig(const DraftNetworkConfig& config);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_DRAFT_NETWORK_CONFIG_H_
