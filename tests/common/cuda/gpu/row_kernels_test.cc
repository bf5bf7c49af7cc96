// Kernels that compute row by row, on the device: as their references, and each row with the same
// bits in any company.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "common/cuda/kernels/rms_norm_reference.h"
#include "common/cuda/kernels/rope_append_reference.h"
#include "tests/common/cuda/gpu/device_run.h"
#include "tests/common/cuda/kernels/rms_norm_rows.h"
#include "tests/common/cuda/kernels/rope_append_operands.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

template <typename Residual>
RmsNormRows<Residual> Normalise(RmsNormRows<Residual> rows) {
  DeviceRun run;
  const RmsNormArguments<Residual> arguments = {
      rows.row_count,          rows.size,
      rows.split_count,        rows.Arguments().epsilon,
      run.Copy(rows.partials), run.CopyBothWays(rows.residual),
      run.Copy(rows.weight),   run.CopyBothWays(rows.output)};
  CHIMERA_EXPECT_OK(LaunchRmsNorm(run.stream(), arguments));
  run.Finish();
  return rows;
}

RopeAppendOperands RotateAndAppend(RopeAppendOperands operands) {
  DeviceRun run;
  CHIMERA_EXPECT_OK(LaunchRopeAppend(run.stream(), operands.ArgumentsIn(run)));
  run.Finish();
  return operands;
}

std::vector<int> RandomSelection(int count, int row_count, std::mt19937* random) {
  std::vector<int> rows(row_count);
  for (int row = 0; row < row_count; ++row) rows[row] = row;
  std::shuffle(rows.begin(), rows.end(), *random);
  rows.resize(count);
  return rows;
}

std::vector<int> RowCounts() {
  if (DeviceIsEmulated()) return {1, 2, 17};
  std::vector<int> counts;
  for (int count = 1; count <= 64; ++count) counts.push_back(count);
  return counts;
}

std::vector<int> Sizes() {
  return DeviceIsEmulated() ? std::vector{1028} : std::vector{64, 576, 1028, 4096, 5120, 8192};
}

class GpuRowKernelsTest : public ::testing::Test {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }

  // As cuda/kernels/rms_norm_test.cc has it.
  template <typename Residual>
  void ExpectReference(int row_count, int size, int splits) {
    auto expected = RandomRows<Residual>(row_count, size, splits, size);
    const auto results = Normalise(expected);
    RmsNormKernelReference(expected.Arguments());
    EXPECT_EQ(results.residual, expected.residual) << size << " " << splits;
    int64_t neighbours = 0;
    for (size_t i = 0; i < results.output.size(); ++i) {
      const int distance = std::abs(results.output[i] - expected.output[i]);
      ASSERT_LE(distance, 1) << i;
      neighbours += distance;
    }
    EXPECT_LE(neighbours, static_cast<int64_t>(results.output.size()) / 200 + 1);
  }

  template <typename Residual>
  void ExpectInvariance(int size, int splits) {
    constexpr int kRows = 80;
    const auto operands = RandomRows<Residual>(kRows, size, splits, 1);
    const auto expected = Normalise(operands);
    for (const int count : RowCounts()) {
      const std::vector<int> selected = RandomSelection(count, kRows, &random_);
      EXPECT_EQ(Normalise(SelectRows(operands, selected)), SelectRows(expected, selected))
          << count << " rows of " << size;
    }
  }

  std::mt19937 random_{1};
};

TEST_F(GpuRowKernelsTest, NormsEqualTheReference) {
  for (const int size : Sizes()) {
    for (int splits = 0; splits <= 3; ++splits) {
      ExpectReference<float>(5, size, splits);
      ExpectReference<uint16_t>(5, size, splits);
    }
  }
}

TEST_F(GpuRowKernelsTest, NormsOfRowsDoNotDependOnOthers) {
  for (const int size : Sizes()) {
    ExpectInvariance<float>(size, 3);
    ExpectInvariance<uint16_t>(size, 2);
  }
}

TEST_F(GpuRowKernelsTest, RotationsEqualTheReference) {
  for (const auto& [heads, kv_heads] : {std::pair(1, 1), {3, 1}, {32, 32}, {32, 8}}) {
    if (DeviceIsEmulated() && heads > 3) continue;
    for (const int head_dim : {64, 128}) {
      auto expected = RandomRopeAppendOperands({9, 3, heads, kv_heads, head_dim});
      const auto results = RotateAndAppend(expected);
      RopeAppendKernelReference(expected.KernelArguments());
      EXPECT_TRUE(results == expected) << heads << " " << kv_heads << " " << head_dim;
    }
  }
}

TEST_F(GpuRowKernelsTest, RotationsOfRowsDoNotDependOnOthersOrTheirSlot) {
  constexpr int kRows = 80;
  const auto operands = RandomRopeAppendOperands({kRows, 3, 6, 2, 64});
  const auto expected = RotateAndAppend(operands);
  for (const int count : RowCounts()) {
    const std::vector<int> selected = RandomSelection(count, kRows, &random_);
    const auto results = RotateAndAppend(operands.Select(selected));
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(results.RowResult(i), expected.RowResult(selected[i])) << count << " rows";
    }
  }
}

}  // namespace
}  // namespace chimera::testing
