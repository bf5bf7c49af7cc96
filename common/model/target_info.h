// What drafters and verifiers must agree on of the model whose continuations are proposed.

#ifndef CHIMERA_COMMON_MODEL_TARGET_INFO_H_
#define CHIMERA_COMMON_MODEL_TARGET_INFO_H_

#include <cstdint>
#include <span>

#include "common/model/fingerprint.h"

namespace chimera {

class LlamaModel;

// Constant.
struct TargetInfo {
  Fingerprint fingerprint;
  int32_t hidden_size = 0;
  int32_t layer_count = 0;
  int32_t vocab_size = 0;
  int32_t context_length = 0;  // positions that a sequence may have
};

TargetInfo MakeTargetInfo(const LlamaModel& model);

// Whether hidden states of `layers` can be tapped together: they ascend within [0, layer_count], 0
// being the embedding.
bool CanTapLayers(std::span<const int32_t> layers, int32_t layer_count);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_TARGET_INFO_H_
