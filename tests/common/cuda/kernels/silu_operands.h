// The operands and results of silu.h and silu_mul.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_SILU_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_SILU_OPERANDS_H_

#include <random>
#include <vector>

#include "common/cuda/kernels/silu.h"
#include "common/cuda/kernels/silu_mul.h"
#include "common/cuda/kernels/silu_mul_reference.h"
#include "common/cuda/kernels/silu_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// As row_checks.h asks. A row of partials has size elements, or for silu_mul.h twice as many.
template <typename ArgumentsOfKernel>
struct ActivationOperands {
  using Arguments = ArgumentsOfKernel;

  int size = 0;
  int split_count = 1;
  std::vector<float> partials;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(output.size()) / size; }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    return {row_count(), split_count, size, memory.Copy(partials), memory.CopyBothWays(output)};
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  ActivationOperands Select(const std::vector<int>& rows) const {
    return {size, split_count, SelectRows(partials, split_count, row_count(), rows),
            SelectRows(output, 1, row_count(), rows)};
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  bool operator==(const ActivationOperands&) const = default;
};

using SiluOperands = ActivationOperands<SiluArguments>;
using SiluMulOperands = ActivationOperands<SiluMulArguments>;

// Sums of splits that show in which order they were made, four times as large as usual; of each
// element `sums`.
template <typename Operands>
Operands RandomActivationOperands(int row_count, int size, int split_count, int sums) {
  std::mt19937 random(row_count + size);
  const size_t elements = static_cast<size_t>(row_count) * size;
  Operands operands = {
      size, split_count, RandomPartials(split_count, sums * elements, &random), {}};
  for (float& x : operands.partials) x *= 4;
  operands.output.resize(elements, kUnwrittenBf16);
  return operands;
}

inline SiluOperands RandomSiluOperands(int row_count, int size, int split_count) {
  return RandomActivationOperands<SiluOperands>(row_count, size, split_count, 1);
}

inline SiluMulOperands RandomSiluMulOperands(int row_count, int size, int split_count) {
  return RandomActivationOperands<SiluMulOperands>(row_count, size, split_count, 2);
}

// Up to neighbours.
inline ::testing::AssertionResult AgreeWithReference(const SiluOperands& results,
                                                     SiluOperands operands) {
  SiluKernelReference(operands.KernelArguments());
  return EqualOrNeighbours(results.output, operands.output);
}
inline ::testing::AssertionResult AgreeWithReference(const SiluMulOperands& results,
                                                     SiluMulOperands operands) {
  SiluMulKernelReference(operands.KernelArguments());
  return EqualOrNeighbours(results.output, operands.output);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_SILU_OPERANDS_H_
