#include "common/cuda/kernels/rms_norm.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "common/cuda/emulation/emulator.h"
#include "common/cuda/kernels/rms_norm_reference.h"
#include "tests/common/cuda/kernels/bf16_neighbours.h"
#include "tests/common/cuda/kernels/faulty_rms_norm.h"
#include "tests/common/cuda/kernels/rms_norm_rows.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;

constexpr uint64_t kSeeds = 8;

// What is tested: LaunchRmsNorm() or a faulty kernel in its place.
template <typename Residual>
using Launcher = absl::Status (*)(StreamView, const RmsNormArguments<Residual>&);

absl::Status LaunchFloat(StreamView stream, const RmsNormArguments<float>& arguments) {
  return LaunchRmsNorm(stream, arguments);
}

absl::Status LaunchBf16(StreamView stream, const RmsNormArguments<uint16_t>& arguments) {
  return LaunchRmsNorm(stream, arguments);
}

template <typename Residual>
RmsNormRows<Residual> Normalise(Launcher<Residual> launch, RmsNormRows<Residual> rows,
                                Emulator* emulator) {
  CHIMERA_EXPECT_OK(launch(StreamView(*emulator), rows.Arguments()));
  return rows;
}

// Whether each of 70 rows has the same bits with all others, alone, and in another place among a
// few.
template <typename Residual>
bool RowsAreInvariant(Launcher<Residual> launch, int size, int split_count) {
  constexpr int kRows = 70;
  Emulator emulator({.seed = 1});
  const auto operands = RandomRows<Residual>(kRows, size, split_count, 1);
  const auto results = Normalise(launch, operands, &emulator);
  bool is_invariant = true;
  const auto check = [&](const std::vector<int>& selected) {
    const auto alone = Normalise(launch, SelectRows(operands, selected), &emulator);
    is_invariant &= alone == SelectRows(results, selected);
  };
  for (const int row : {0, 1, 31, 64, 69}) check({row});
  for (const int count : {2, 5, 16, 64}) {
    std::vector<int> selected(count);
    for (int i = 0; i < count; ++i) selected[i] = (3 + 17 * i) % kRows;
    check(selected);
  }
  return is_invariant;
}

// Whether every order of threads and blocks gives the same bits.
template <typename Residual>
bool OrdersAgree(Launcher<Residual> launch) {
  const auto operands = RandomRows<Residual>(3, 1028, 2, 1);
  const auto normalise = [&](uint64_t seed) {
    Emulator emulator({.seed = seed});
    return Normalise(launch, operands, &emulator);
  };
  const auto expected = normalise(0);
  for (uint64_t seed = 1; seed < kSeeds; ++seed) {
    if (normalise(seed) != expected) return false;
  }
  return true;
}

// Shape: rows, size, splits. The residual has the reference's bits.
template <typename Residual>
void ExpectReference(Launcher<Residual> launch, const std::array<int, 3>& shape,
                     Emulator* emulator) {
  const auto [row_count, size, split_count] = shape;
  SCOPED_TRACE(::testing::Message()
               << row_count << " rows of " << size << ", " << split_count << " splits");
  auto expected = RandomRows<Residual>(row_count, size, split_count, row_count + size);
  const auto results = Normalise(launch, expected, emulator);
  RmsNormKernelReference(expected.Arguments());
  EXPECT_EQ(results.residual, expected.residual);
  EXPECT_TRUE(EqualOrNeighbours(results.output, expected.output));
}

template <typename Residual>
void ExpectReferenceOverShapes(Launcher<Residual> launch) {
  Emulator emulator({.seed = 1});
  for (const int size : {64, 68, 100, 576, 1020, 1024, 1028, 2048, 4096, 5120, 8192}) {
    if (kSanitized && size % 3 != 1) continue;
    for (int splits = 0; splits <= 4; ++splits) {
      ExpectReference(launch, {size % 3 + 1, size, splits}, &emulator);
    }
  }
  for (const int row_count : {1, 2, 3, 7, 8, 9, 16, 33, 64, 65, 70}) {
    ExpectReference(launch, {row_count, 132, 1 + row_count % 4}, &emulator);
  }
}

TEST(CudaRmsNormTest, EqualsTheReference) {
  ExpectReferenceOverShapes(&LaunchFloat);
  ExpectReferenceOverShapes(&LaunchBf16);
}

TEST(CudaRmsNormTest, RowsDoNotDependOnOthers) {
  for (const int size : {64, 260, 1028, 4096}) {
    for (const int splits : {0, 3}) {
      if (kSanitized && (size != 1028 || splits == 0)) continue;
      EXPECT_TRUE(RowsAreInvariant(&LaunchFloat, size, splits)) << size << " " << splits;
      EXPECT_TRUE(RowsAreInvariant(&LaunchBf16, size, splits)) << size << " " << splits;
    }
  }
}

TEST(CudaRmsNormTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchFloat));
  EXPECT_TRUE(OrdersAgree(&LaunchBf16));
}

TEST(CudaRmsNormTest, WithoutSplitsTheResidualStays) {
  Emulator emulator({.seed = 1});
  const auto rows = RandomRows<float>(2, 100, 0, 1);
  EXPECT_EQ(Normalise(&LaunchFloat, rows, &emulator).residual, rows.residual);
}

TEST(CudaRmsNormTest, MayOverlapThePriorLaunch) {
  Emulator emulator({.seed = 1});
  auto rows = RandomRows<float>(2, 100, 1, 1);
  const auto expected = Normalise(&LaunchFloat, rows, &emulator);
  CHIMERA_EXPECT_OK(
      LaunchRmsNorm(StreamView(emulator), rows.Arguments(), LaunchOrder::kOverlapsPriorLaunch));
  EXPECT_EQ(rows, expected);
}

// The checks above notice what they are there for.
TEST(CudaRmsNormTest, FaultyKernelsAreCaught) {
  EXPECT_TRUE(OrdersAgree(&LaunchFaultlessRmsNorm));
  EXPECT_TRUE(RowsAreInvariant(&LaunchFaultlessRmsNorm, 4096, 1));
  EXPECT_FALSE(OrdersAgree(&LaunchRmsNormWithoutBarrier));
  EXPECT_FALSE(RowsAreInvariant(&LaunchRmsNormByRowCount, 4096, 1));
  EXPECT_TRUE(OrdersAgree(&LaunchRmsNormByRowCount)) << "the order is not what is wrong with it";
}

}  // namespace
}  // namespace chimera::testing
