// Weights of a model that nobody has trained, in little memory.

#ifndef CHIMERA_TOOLS_GPU_BENCH_RANDOM_WEIGHTS_H_
#define CHIMERA_TOOLS_GPU_BENCH_RANDOM_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"
#include "common/model/tensor_view.h"

namespace chimera {

// Random bf16 weights of any model: all tensors are views of one block as large as the largest,
// each from another place on. Of such a size that activations keep the magnitude that they have in
// trained models. Equal configurations give equal weights.
class RandomWeights {
 public:
  explicit RandomWeights(const LlamaConfig& config);
  RandomWeights(const RandomWeights&) = delete;
  RandomWeights& operator=(const RandomWeights&) = delete;

  // Valid as long as this is.
  const LlamaWeights& weights() const { return weights_; }

 private:
  TensorView Matrix(int64_t rows, int64_t columns);
  TensorView Norm(int64_t size) const;

  std::vector<uint16_t> block_;  // bf16
  std::vector<uint16_t> ones_;   // bf16
  size_t next_begin_ = 0;        // of the next tensor in the block
  LlamaWeights weights_;
};

// `count` random bf16 numbers, uniform in [-limit, limit].
std::vector<uint16_t> RandomBf16(size_t count, float limit);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_RANDOM_WEIGHTS_H_
