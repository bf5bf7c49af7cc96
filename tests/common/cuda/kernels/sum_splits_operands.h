// The operands and results of sum_splits.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_SUM_SPLITS_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_SUM_SPLITS_OPERANDS_H_

#include <random>
#include <vector>

#include "common/cuda/kernels/sum_splits.h"
#include "common/cuda/kernels/sum_splits_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// As row_checks.h asks.
struct SumSplitsOperands {
  using Arguments = SumSplitsArguments;

  int size = 0;
  int split_count = 1;
  std::vector<float> partials;
  std::vector<int32_t> output_rows;  // all different, or -1
  std::vector<float> output;         // [2 rows, size]
  bool has_rows = true;

  int row_count() const { return static_cast<int>(output_rows.size()); }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    return {.row_count = row_count(),
            .split_count = split_count,
            .size = size,
            .partials = memory.Copy(partials),
            .output_rows = has_rows ? memory.Copy(output_rows) : nullptr,
            .output = memory.CopyBothWays(output)};
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  SumSplitsOperands Select(const std::vector<int>& rows) const {
    return {size,
            split_count,
            SelectRows(partials, split_count, row_count(), rows),
            SelectRows(output_rows, 1, row_count(), rows),
            output,
            has_rows};
  }
  std::vector<float> RowResult(int row) const {
    const int output_row = output_rows[row];
    if (output_row < 0) return {};
    return SelectRows(output, 1, static_cast<int>(output.size()) / size, {output_row});
  }
  bool operator==(const SumSplitsOperands&) const = default;
};

// Every seventh row goes nowhere, the others to every second row, backwards.
inline SumSplitsOperands RandomSumSplitsOperands(int row_count, int size, int split_count,
                                                 bool has_rows) {
  std::mt19937 random(row_count + size);
  const size_t elements = static_cast<size_t>(row_count) * size;
  SumSplitsOperands operands = {size, split_count, RandomPartials(split_count, elements, &random),
                                {},   {},          has_rows};
  for (int row = 0; row < row_count; ++row) {
    operands.output_rows.push_back(row % 7 == 5 ? -1 : 2 * (row_count - 1 - row) + 1);
  }
  operands.output.resize(2 * elements, -77.0f);
  return operands;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_SUM_SPLITS_OPERANDS_H_
