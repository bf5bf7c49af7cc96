// The weights that the CUDA backend computes with, for references on the processor.

#ifndef CHIMERA_TESTS_COMMON_CUDA_BACKEND_BF16_WEIGHTS_H_
#define CHIMERA_TESTS_COMMON_CUDA_BACKEND_BF16_WEIGHTS_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "common/model/llama_weights.h"

namespace chimera::testing {

// A model's weights with those of products and the embedding rounded to bf16. Owns the rounded
// ones.
class Bf16Weights {
 public:
  // `weights` must stay valid: norms are used as they are.
  explicit Bf16Weights(const LlamaWeights& weights);
  Bf16Weights(const Bf16Weights&) = delete;
  Bf16Weights& operator=(const Bf16Weights&) = delete;

  const LlamaWeights& weights() const { return weights_; }

 private:
  void Round(TensorView* tensor);

  LlamaWeights weights_;
  std::deque<std::vector<uint16_t>> memory_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_BACKEND_BF16_WEIGHTS_H_
