// The operands and results of add_norm.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_ADD_NORM_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_ADD_NORM_OPERANDS_H_

#include <algorithm>
#include <random>
#include <vector>

#include "common/cuda/kernels/add_norm.h"
#include "common/cuda/kernels/add_norm_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// What a launch takes of the operands.
struct AddNormParts {
  int split_count = 1;
  bool has_addend = true;
  bool has_sum = true;
  bool has_residual = true;
  bool has_rows = true;      // of the matrices; if not, row i goes with row i
  bool is_in_place = false;  // the sum goes to where the addend is
  int padding = 0;           // between rows of the output

  bool operator==(const AddNormParts&) const = default;
};

// As row_checks.h asks.
struct AddNormOperands {
  using Arguments = AddNormArguments;

  AddNormParts parts;
  int size = 0;
  std::vector<float> partials;
  std::vector<int32_t> addend_rows;    // of three rows, or -1
  std::vector<int32_t> sum_rows;       // all different, or -1
  std::vector<int32_t> residual_rows;  // of three rows, or -1
  std::vector<float> addend, sum, residual;
  std::vector<float> weight;
  std::vector<uint16_t> output;  // [rows, size + padding]

  int row_count() const { return static_cast<int>(sum_rows.size()); }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    const auto rows = [&](const std::vector<int32_t>& of) {
      return parts.has_rows ? memory.Copy(of) : nullptr;
    };
    Arguments arguments = {.row_count = row_count(),
                           .size = size,
                           .split_count = parts.split_count,
                           .epsilon = 1e-5f,
                           .partials = memory.Copy(partials),
                           .weight = memory.Copy(weight),
                           .output = memory.CopyBothWays(output),
                           .output_stride = size + parts.padding};
    float* const addends = memory.CopyBothWays(addend);
    if (parts.has_addend) arguments.addend = {addends, rows(addend_rows)};
    if (parts.has_sum) arguments.sum = {memory.CopyBothWays(sum), rows(sum_rows)};
    if (parts.is_in_place) arguments.sum = {addends, nullptr};
    if (parts.has_residual) arguments.residual = {memory.Copy(residual), rows(residual_rows)};
    return arguments;
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  AddNormOperands Select(const std::vector<int>& rows) const {
    AddNormOperands selected = *this;
    selected.partials = SelectRows(partials, std::max(parts.split_count, 1), row_count(), rows);
    selected.addend_rows = SelectRows(addend_rows, 1, row_count(), rows);
    selected.sum_rows = SelectRows(sum_rows, 1, row_count(), rows);
    selected.residual_rows = SelectRows(residual_rows, 1, row_count(), rows);
    selected.output = SelectRows(output, 1, row_count(), rows);
    return selected;
  }
  std::vector<float> RowResult(int row) const {
    std::vector<float> result;
    for (const uint16_t x : SelectRows(output, 1, row_count(), {row})) result.push_back(x);
    if (sum_rows[row] >= 0) {
      const auto begin = sum.begin() + int64_t{sum_rows[row]} * size;
      result.insert(result.end(), begin, begin + size);
    }
    return result;
  }
  bool operator==(const AddNormOperands&) const = default;
};

// One row in four has no addend, one in five no sum, one in three no residual.
inline AddNormOperands RandomAddNormOperands(int row_count, int size, const AddNormParts& parts) {
  std::mt19937 random(row_count + size);
  AddNormOperands operands;
  operands.parts = parts;
  operands.size = size;
  const size_t elements = static_cast<size_t>(row_count) * size;
  operands.partials = RandomPartials(std::max(parts.split_count, 1), elements, &random);
  for (int row = 0; row < row_count; ++row) {
    operands.addend_rows.push_back(row % 4 - 1);
    operands.sum_rows.push_back(row % 5 == 2 ? -1 : row_count - 1 - row);
    operands.residual_rows.push_back(row % 3 - 1);
  }
  const size_t matrix = elements + 3 * static_cast<size_t>(size);
  operands.addend = RandomFloats(matrix, &random);
  operands.residual = RandomFloats(matrix, &random);
  operands.sum.resize(matrix, -77.0f);
  operands.weight = RandomFloats(size, &random);
  operands.output.resize(row_count * (size + parts.padding), kUnwrittenBf16);
  return operands;
}

// All that launches may leave out.
inline constexpr AddNormParts kAddNormParts[] = {
    {.split_count = 3, .padding = 8},
    {.split_count = 0, .has_sum = false, .padding = 100},
    {.split_count = 2, .has_addend = false, .has_residual = false},
    {.split_count = 1, .has_rows = false},
    {.split_count = 4,
     .has_sum = false,
     .has_residual = false,
     .has_rows = false,
     .is_in_place = true},
};

// Sums have the reference's bits.
inline ::testing::AssertionResult AgreeWithReference(const AddNormOperands& results,
                                                     AddNormOperands operands) {
  AddNormKernelReference(operands.KernelArguments());
  if (results.sum != operands.sum || results.addend != operands.addend) {
    return ::testing::AssertionFailure() << "another sum";
  }
  return EqualOrNeighbours(results.output, operands.output);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_ADD_NORM_OPERANDS_H_
