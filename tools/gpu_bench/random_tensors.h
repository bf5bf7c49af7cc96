// Tensors that nobody has trained, in little memory.

#ifndef CHIMERA_TOOLS_GPU_BENCH_RANDOM_TENSORS_H_
#define CHIMERA_TOOLS_GPU_BENCH_RANDOM_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/model/tensor_view.h"

namespace chimera {

// `count` random bf16 numbers, uniform in [-limit, limit].
std::vector<uint16_t> RandomBf16(size_t count, float limit);

// Random bf16 tensors of a network: all matrices are views of one block as large as the largest,
// each from another place on. Of such a size that activations keep the magnitude that they have in
// trained networks. Equal calls give equal tensors, which are valid as long as this is.
class RandomTensors {
 public:
  // For rows of usually `hidden_size` elements, matrices of at most `most_elements`, and norms of
  // at most `most_norm_elements`.
  RandomTensors(int64_t hidden_size, int64_t most_elements, int64_t most_norm_elements);
  RandomTensors(const RandomTensors&) = delete;
  RandomTensors& operator=(const RandomTensors&) = delete;

  TensorView Matrix(int64_t rows, int64_t columns);

  // Ones.
  TensorView Norms(int64_t rows, int64_t columns) const;

 private:
  std::vector<uint16_t> block_;
  std::vector<uint16_t> ones_;
  size_t next_begin_ = 0;  // of the next matrix in the block
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_RANDOM_TENSORS_H_
