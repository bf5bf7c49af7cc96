// The operands and results of gather_hidden_states.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_OPERANDS_H_

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "common/cuda/kernels/gather_hidden_states.h"
#include "common/cuda/kernels/gather_hidden_states_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// As row_checks.h asks.
struct GatherHiddenStatesOperands {
  using Arguments = GatherHiddenStatesArguments;

  int size = 0;
  int tap = 0;
  int tap_count = 1;
  std::vector<float> residual;
  std::vector<int32_t> output_rows;
  std::vector<uint16_t> output;

  int row_count() const { return static_cast<int>(output_rows.size()); }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    return {row_count(),
            size,
            tap,
            tap_count,
            memory.Copy(residual),
            memory.Copy(output_rows),
            memory.CopyBothWays(output)};
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  // The output keeps its size, and each row its place there.
  GatherHiddenStatesOperands Select(const std::vector<int>& rows) const {
    GatherHiddenStatesOperands selected = *this;
    selected.residual = SelectRows(residual, 1, row_count(), rows);
    selected.output_rows = SelectRows(output_rows, 1, row_count(), rows);
    return selected;
  }
  std::vector<uint16_t> RowResult(int row) const {
    if (output_rows[row] < 0) return {};
    const auto begin = output.begin() + (int64_t{output_rows[row]} * tap_count + tap) * size;
    return {begin, begin + size};
  }
  bool operator==(const GatherHiddenStatesOperands&) const = default;
};

// One row in four is not copied. None goes to the first row of the output.
inline GatherHiddenStatesOperands RandomGatherHiddenStatesOperands(int row_count, int size, int tap,
                                                                   int tap_count) {
  std::mt19937 random(row_count + size);
  GatherHiddenStatesOperands operands = {size, tap, tap_count, {}, {}, {}};
  operands.residual = RandomFloats(static_cast<size_t>(row_count) * size, &random);
  operands.output_rows.resize(row_count);
  std::iota(operands.output_rows.begin(), operands.output_rows.end(), 1);
  std::shuffle(operands.output_rows.begin(), operands.output_rows.end(), random);
  for (int row = 3; row < row_count; row += 4) operands.output_rows[row] = -1;
  operands.output.resize((row_count + size_t{1}) * tap_count * size, kUnwrittenBf16);
  return operands;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_OPERANDS_H_
