// The operands and results of gather_rows.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_GATHER_ROWS_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_GATHER_ROWS_OPERANDS_H_

#include <random>
#include <vector>

#include "common/cuda/kernels/gather_rows.h"
#include "common/cuda/kernels/gather_rows_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// Rows of the input.
inline constexpr int kGatheredRows = 70;

// As row_checks.h asks.
struct GatherRowsOperands {
  using Arguments = GatherRowsArguments;

  int size = 0;
  std::vector<uint16_t> input;
  std::vector<int32_t> indices;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(indices.size()); }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    return {row_count(), size, memory.Copy(input), memory.Copy(indices),
            memory.CopyBothWays(output)};
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  GatherRowsOperands Select(const std::vector<int>& rows) const {
    return {size, input, SelectRows(indices, 1, row_count(), rows),
            SelectRows(output, 1, row_count(), rows)};
  }
  std::vector<uint16_t> RowResult(int row) const {
    return SelectRows(output, 1, row_count(), {row});
  }
  bool operator==(const GatherRowsOperands&) const = default;
};

// One row in four is padding; a row may be named twice.
inline GatherRowsOperands RandomGatherRowsOperands(int row_count, int size) {
  std::mt19937 random(row_count + size);
  GatherRowsOperands operands = {size, {}, {}, {}};
  // Any bits, NaNs included.
  for (int i = 0; i < kGatheredRows * size; ++i) {
    operands.input.push_back(static_cast<uint16_t>(random()));
  }
  for (int row = 0; row < row_count; ++row) {
    operands.indices.push_back(row % 4 == 3 ? -1 : static_cast<int>(random() % kGatheredRows));
  }
  operands.output.resize(static_cast<size_t>(row_count) * size, kUnwrittenBf16);
  return operands;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_GATHER_ROWS_OPERANDS_H_
