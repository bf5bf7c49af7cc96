// The operands and results of silu_mul.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_SILU_MUL_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_SILU_MUL_OPERANDS_H_

#include <random>
#include <vector>

#include "common/cuda/kernels/silu_mul.h"
#include "common/cuda/kernels/silu_mul_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// As row_checks.h asks.
struct SiluMulOperands {
  using Arguments = SiluMulArguments;

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
  SiluMulOperands Select(const std::vector<int>& rows) const {
    return {size, split_count, SelectRows(partials, split_count, row_count(), rows),
            SelectRows(output, 1, row_count(), rows)};
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  bool operator==(const SiluMulOperands&) const = default;
};

// Sums of splits that show in which order they were made, four times as large as usual.
inline SiluMulOperands RandomSiluMulOperands(int row_count, int size, int split_count) {
  std::mt19937 random(row_count + size);
  SiluMulOperands operands = {size, split_count, {}, {}};
  const size_t elements = static_cast<size_t>(row_count) * size;
  operands.partials = RandomPartials(split_count, 2 * elements, &random);
  for (float& x : operands.partials) x *= 4;
  operands.output.resize(elements, kUnwrittenBf16);
  return operands;
}

// Up to neighbours.
inline ::testing::AssertionResult AgreeWithReference(const SiluMulOperands& results,
                                                     SiluMulOperands operands) {
  SiluMulKernelReference(operands.KernelArguments());
  return EqualOrNeighbours(results.output, operands.output);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_SILU_MUL_OPERANDS_H_
