// Weights of a model that nobody has trained.

#ifndef CHIMERA_TOOLS_GPU_BENCH_RANDOM_WEIGHTS_H_
#define CHIMERA_TOOLS_GPU_BENCH_RANDOM_WEIGHTS_H_

#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"
#include "tools/gpu_bench/random_tensors.h"

namespace chimera {

// Random bf16 weights of any model, as RandomTensors has them. Equal configurations give equal
// weights.
class RandomWeights {
 public:
  explicit RandomWeights(const LlamaConfig& config);

  // Valid as long as this is.
  const LlamaWeights& weights() const { return weights_; }

 private:
  RandomTensors tensors_;
  LlamaWeights weights_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_RANDOM_WEIGHTS_H_
