// The drafter of a model, as far as speed depends on it, with weights that nobody has trained.

#ifndef CHIMERA_TOOLS_GPU_BENCH_RANDOM_DRAFTER_H_
#define CHIMERA_TOOLS_GPU_BENCH_RANDOM_DRAFTER_H_

#include <cstdint>

#include "common/backend/draft_network.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/model/llama_config.h"
#include "common/model/tensor_view.h"
#include "tools/gpu_bench/random_tensors.h"

namespace chimera {

// The shape that chimera-train gives the drafter of such a target, unless told otherwise.
DraftNetworkConfig DefaultDrafter(const LlamaConfig& target);

// Bytes of weights that a level reads, in bf16: of all linear layers between a node and its logits.
int64_t DraftLevelWeightBytes(const DraftNetworkConfig& config);

// Bytes that all weights of the network take on the device, the target's embedding included.
int64_t DraftWeightBytes(const DraftNetworkConfig& config, int32_t vocab_size);

// A network of this shape with random bf16 weights.
class RandomDrafter {
 public:
  explicit RandomDrafter(const LlamaConfig& target);

  const DraftNetworkConfig& config() const { return config_; }

  // Valid as long as this is.
  DraftNetworkModel model(int64_t position_limit) const {
    return {config_, weights_, embedding_, position_limit};
  }

 private:
  const DraftNetworkConfig config_;
  RandomTensors tensors_;
  DraftWeights weights_;
  TensorView embedding_;  // the target's
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_RANDOM_DRAFTER_H_
