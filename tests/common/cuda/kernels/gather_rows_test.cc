#include "common/cuda/kernels/gather_rows.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/gather_rows_reference.h"
#include "tests/common/cuda/kernels/faulty_row_copies.h"
#include "tests/common/cuda/kernels/gather_rows_operands.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

TEST(CudaGatherRowsTest, EqualsTheReference) {
  for (const int size : {8, 64, 72, 576, 1016, 1024, 1032, 4096}) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherRows, &GatherRowsKernelReference,
                                RandomGatherRowsOperands(5, size)))
        << size;
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherRows, &GatherRowsKernelReference,
                                RandomGatherRowsOperands(row_count, 136)))
        << row_count;
  }
}

TEST(CudaGatherRowsTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchGatherRows, RandomGatherRowsOperands(70, 136)));
}

TEST(CudaGatherRowsTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchGatherRows, RandomGatherRowsOperands(5, 1032)));
}

TEST(CudaGatherRowsTest, NamedRowsAndZeros) {
  GatherRowsOperands operands = {8, {}, {1, -1, 0}, std::vector<uint16_t>(24, kUnwrittenBf16)};
  for (uint16_t bits = 100; bits < 116; ++bits) operands.input.push_back(bits);
  emulation::Emulator emulator({.seed = 1});
  EXPECT_EQ(RunKernel(&LaunchGatherRows, operands, &emulator).output,
            (std::vector<uint16_t>{108, 109, 110, 111, 112, 113, 114, 115,  //
                                   0,   0,   0,   0,   0,   0,   0,   0,    //
                                   100, 101, 102, 103, 104, 105, 106, 107}));
}

// The checks above notice what they are there for.
TEST(CudaGatherRowsTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<GatherRowsOperands> launch) {
    return EqualsReference(launch, &GatherRowsKernelReference, RandomGatherRowsOperands(5, 136));
  };
  const auto is_invariant = [](Launcher<GatherRowsOperands> launch) {
    return RowsAreInvariant(launch, RandomGatherRowsOperands(70, 136));
  };
  using Fault = RowCopyFault;
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainGatherRows<Fault::kNone>>));
  EXPECT_TRUE(is_invariant(&LaunchPlain<PlainGatherRows<Fault::kNone>>));
  EXPECT_FALSE(is_invariant(&LaunchPlain<PlainGatherRows<Fault::kManyRowsWrap>>));
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainGatherRows<Fault::kManyRowsWrap>>))
      << "of few rows";
  EXPECT_FALSE(equals_reference(&LaunchPlain<PlainGatherRows<Fault::kNoRowIsRowZero>>));
}

}  // namespace
}  // namespace chimera::testing
