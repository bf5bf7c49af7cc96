#include "common/cuda/kernels/add_norm.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/add_norm_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/faulty_add_norm.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

// What a launch takes of the operands.
struct Parts {
  int split_count = 1;
  bool has_addend = true;
  bool has_sum = true;
  bool has_residual = true;
  bool has_rows = true;      // of the matrices; if not, row i goes with row i
  bool is_in_place = false;  // the sum goes to where the addend is
  int padding = 0;           // between rows of the output

  bool operator==(const Parts&) const = default;
};

struct AddNormOperands {
  using Arguments = AddNormArguments;

  Parts parts;
  int size = 0;
  std::vector<float> partials;
  std::vector<int32_t> addend_rows;    // of three rows, or -1
  std::vector<int32_t> sum_rows;       // all different, or -1
  std::vector<int32_t> residual_rows;  // of three rows, or -1
  std::vector<float> addend, sum, residual;
  std::vector<float> weight;
  std::vector<uint16_t> output;  // [rows, size + padding]

  int row_count() const { return static_cast<int>(sum_rows.size()); }
  Arguments KernelArguments() {
    const auto rows = [&](std::vector<int32_t>& of) {
      return parts.has_rows ? of.data() : nullptr;
    };
    Arguments arguments = {.row_count = row_count(),
                           .size = size,
                           .split_count = parts.split_count,
                           .epsilon = 1e-5f,
                           .partials = partials.data(),
                           .weight = weight.data(),
                           .output = output.data(),
                           .output_stride = size + parts.padding};
    if (parts.has_addend) arguments.addend = {addend.data(), rows(addend_rows)};
    if (parts.has_sum) arguments.sum = {sum.data(), rows(sum_rows)};
    if (parts.is_in_place) arguments.sum = {addend.data(), nullptr};
    if (parts.has_residual) arguments.residual = {residual.data(), rows(residual_rows)};
    return arguments;
  }
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

AddNormOperands RandomOperands(int row_count, int size, const Parts& parts) {
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

const Parts kParts[] = {
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

::testing::AssertionResult IsCloseToReference(Launcher<AddNormOperands> launch,
                                              AddNormOperands operands) {
  emulation::Emulator emulator({.seed = 1});
  const AddNormOperands results = RunKernel(launch, operands, &emulator);
  AddNormKernelReference(operands.KernelArguments());
  if (results.sum != operands.sum || results.addend != operands.addend) {
    return ::testing::AssertionFailure() << "another sum";
  }
  return EqualOrNeighbours(results.output, operands.output);
}

void ExpectReference(const AddNormOperands& operands) {
  EXPECT_TRUE(IsCloseToReference(&LaunchAddNorm, operands))
      << operands.row_count() << " rows of " << operands.size;
}

TEST(CudaAddNormTest, EqualsTheReference) {
  for (const Parts& parts : kParts) {
    for (const int size : {64, 100, 576, 1024, 1028, 4096, 8192}) {
      if (kSanitized && size > 1028) continue;
      ExpectReference(RandomOperands(size % 3 + 1, size, parts));
    }
    for (const int row_count : {1, 2, 7, 16, 33, 70}) {
      if (kSanitized && row_count > 16) continue;
      ExpectReference(RandomOperands(row_count, 132, parts));
    }
  }
}

TEST(CudaAddNormTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchAddNorm, RandomOperands(70, 1028, kParts[0])));
}

TEST(CudaAddNormTest, OrderOfThreadsDoesNotMatter) {
  for (const Parts& parts : kParts) {
    EXPECT_TRUE(OrdersAgree(&LaunchAddNorm, RandomOperands(5, 1028, parts)));
  }
}

// The checks above notice what they are there for.
TEST(CudaAddNormTest, FaultyKernelsAreCaught) {
  const AddNormOperands few = RandomOperands(16, 132, kParts[0]);
  const AddNormOperands many = RandomOperands(70, 132, kParts[0]);
  using Fault = AddNormFault;
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainAddNorm<Fault::kNone>>, few));
  EXPECT_TRUE(RowsAreInvariant(&LaunchPlain<PlainAddNorm<Fault::kNone>>, many));
  EXPECT_FALSE(RowsAreInvariant(&LaunchPlain<PlainAddNorm<Fault::kByRowCount>>, many));
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainAddNorm<Fault::kByRowCount>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainAddNorm<Fault::kNoRowIsRowZero>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainAddNorm<Fault::kResidualInSum>>, few));
  EXPECT_FALSE(IsCloseToReference(&LaunchPlain<PlainAddNorm<Fault::kSquaresOfSum>>, few));
}

}  // namespace
}  // namespace chimera::testing
