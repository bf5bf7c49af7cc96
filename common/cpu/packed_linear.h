// Linear layers with repacked weights.

#ifndef CHIMERA_COMMON_CPU_PACKED_LINEAR_H_
#define CHIMERA_COMMON_CPU_PACKED_LINEAR_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/buffer_arena.h"
#include "common/cpu/cpu_kernels.h"
#include "common/model/tensor_view.h"

namespace chimera {

// One weight, or several with the same inputs that are multiplied together: the outputs of each
// follow those of the one before. Immutable after construction.
class PackedLinear {
 public:
  // Repacks into memory of `arena`, which must outlive the object, on all threads of `pool`. The
  // views are not used afterwards. REQUIRES: equal columns.
  PackedLinear(std::span<const TensorView> weights, ThreadPool* pool, BufferArena* arena);
  PackedLinear(std::initializer_list<TensorView> weights, ThreadPool* pool, BufferArena* arena)
      : PackedLinear(std::span(weights.begin(), weights.size()), pool, arena) {}

  int64_t input_size() const { return input_size_; }
  int64_t output_size() const { return output_size_; }
  // True if a product reads the quantised form of its input.
  bool reads_quantized() const { return reads_quantized_; }

  // y [x.row_count, output_size] = W x, on all threads of `pool`; common/ops/linear.h defines the
  // bits.
  void Multiply(const CpuKernels& kernels, const ActivationView& x, ThreadPool* pool,
                float* y) const;

  // The outputs [first, first + count) of each of the weights, on the calling thread; y as above.
  // REQUIRES: weights of equal size, multiples of kTileFeatures.
  void MultiplyFeatures(const CpuKernels& kernels, const ActivationView& x, int64_t first,
                        int64_t count, float* y) const;

  // Row `index` of the weight as fp32 [input_size]: a token's embedding.
  void CopyRow(int64_t index, std::span<float> output) const;

 private:
  struct Part {
    DataType type;
    int64_t feature_count;
    int64_t first_feature;
    int64_t tile_count;
    int64_t first_tile;
    int64_t tile_bytes;
    const std::byte* tiles;  // [tile_count, tile_bytes]
  };

  // Asks for the first bytes of the tiles of a part from `first` on.
  static void AskForTiles(const Part& part, int64_t first);

  // `count` tiles of a part from `first` on.
  void MultiplyTiles(const CpuKernels& kernels, const ActivationView& x, const Part& part,
                     int64_t first, int64_t count, float* y) const;

  int64_t input_size_ = 0;
  int64_t output_size_ = 0;
  int64_t tile_count_ = 0;
  bool reads_quantized_ = false;
  std::vector<Part> parts_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_PACKED_LINEAR_H_
