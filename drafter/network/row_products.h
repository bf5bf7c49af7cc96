// Rows on their way through a layer: filled, quantised if the weight asks for it, multiplied.

#ifndef CHIMERA_DRAFTER_NETWORK_ROW_PRODUCTS_H_
#define CHIMERA_DRAFTER_NETWORK_ROW_PRODUCTS_H_

#include <cstdint>

#include "common/base/grow_to.h"
#include "common/base/thread_pool.h"
#include "common/cpu/activations.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/packed_linear.h"

namespace chimera {

// What the layers of a draft network share: kernels, threads and the input of the product under
// way, whose memory grows to the largest seen. One thread; the constructor's arguments must outlive
// it.
class RowProducts {
 public:
  RowProducts(const CpuKernels& kernels, ThreadPool* pool) : kernels_(kernels), pool_(pool) {}

  const CpuKernels& kernels() const { return kernels_; }
  ThreadPool* pool() const { return pool_; }

  // output [count, weight.output_size()] = W x, where fill(row, x) writes row `row` of
  // x [count, weight.input_size()], on any thread.
  template <typename Fill>
  void Multiply(const PackedLinear& weight, int64_t count, const Fill& fill, float* output) {
    inputs_.Reset(count, weight.input_size());
    ForEachRow(pool_, count, weight.input_size(), [&](int64_t row, int) {
      fill(row, inputs_.row(row));
      if (weight.reads_quantized()) inputs_.QuantizeRow(kernels_, row);
    });
    MultiplyAgain(weight, output);
  }

  // The product of another weight with the same input. REQUIRES: it reads the same form of it.
  void MultiplyAgain(const PackedLinear& weight, float* output) const {
    weight.Multiply(kernels_, inputs_.View(), pool_, output);
  }

 private:
  const CpuKernels& kernels_;
  ThreadPool* const pool_;
  Activations inputs_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_ROW_PRODUCTS_H_
