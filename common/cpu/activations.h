// The input of products: rows of fp32 activations and their quantised form.

#ifndef CHIMERA_COMMON_CPU_ACTIVATIONS_H_
#define CHIMERA_COMMON_CPU_ACTIVATIONS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/cpu_kernels.h"

namespace chimera {

// Owns both forms. Memory grows to the largest shape asked for and is reused. Different rows and
// different blocks may be filled from different threads.
class Activations {
 public:
  // Makes room for [row_count, size]; what was there is lost.
  void Reset(int64_t row_count, int64_t size);

  int64_t row_count() const { return row_count_; }
  float* row(int64_t index) { return floats_.data() + index * size_; }
  const float* row(int64_t index) const { return floats_.data() + index * size_; }

  // Quantises row(index). REQUIRES: the size is a multiple of kQuantBlock.
  void QuantizeRow(const CpuKernels& kernels, int64_t index) {
    QuantizeValues(kernels, index, 0, size_);
  }

  // Quantises `count` values of row(index) from `first` on, which different threads may do.
  // REQUIRES: multiples of kQuantBlock.
  void QuantizeValues(const CpuKernels& kernels, int64_t index, int64_t first, int64_t count);

  // All rows. Valid until the next Reset.
  ActivationView View() const;

 private:
  int64_t row_count_ = 0;
  int64_t size_ = 0;
  std::vector<float> floats_;
  std::vector<int8_t> values_;
  std::vector<float> scales_;
  std::vector<float> scaled_sums_;
  std::vector<int32_t> sums_;
};

// Calls body(row, thread) for each of `count` rows whose `size` values are filled, quantised or
// added, on all threads of `pool`. Few rows are left to the caller's: it is as soon done as threads
// that have to start and to await each other.
template <typename Body>
void ForEachRow(ThreadPool* pool, int64_t count, int64_t size, const Body& body) {
  pool->ParallelFor(
      count,
      [&](int64_t begin, int64_t end, int thread) {
        for (int64_t row = begin; row < end; ++row) body(row, thread);
      },
      std::max<int64_t>(1, 2500 / size));
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ACTIVATIONS_H_
