#include "common/model/target_info.h"

#include "common/model/llama_model.h"

namespace chimera {

TargetInfo MakeTargetInfo(const LlamaModel& model) {
  return {.fingerprint = model.fingerprint(),
          .hidden_size = model.config().hidden_size,
          .layer_count = model.config().layer_count,
          .vocab_size = model.config().vocab_size,
          .context_length = model.config().context_length};
}

bool CanTapLayers(std::span<const int32_t> layers, int32_t layer_count) {
  int32_t previous = -1;
  for (const int32_t layer : layers) {
    if (layer <= previous || layer > layer_count) return false;
    previous = layer;
  }
  return true;
}

}  // namespace chimera
