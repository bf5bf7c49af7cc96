#include "common/cuda/kernels/gather_hidden_states.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/gather_hidden_states_reference.h"
#include "tests/common/cuda/kernels/faulty_row_copies.h"
#include "tests/common/cuda/kernels/gather_hidden_states_operands.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

TEST(CudaGatherHiddenStatesTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 576, 4096}) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherHiddenStates, &GatherHiddenStatesKernelReference,
                                RandomGatherHiddenStatesOperands(5, size, size % 3, 3)))
        << size;
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchGatherHiddenStates, &GatherHiddenStatesKernelReference,
                                RandomGatherHiddenStatesOperands(row_count, 132, row_count % 2, 2)))
        << row_count;
  }
}

TEST(CudaGatherHiddenStatesTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(
      RowsAreInvariant(&LaunchGatherHiddenStates, RandomGatherHiddenStatesOperands(70, 516, 1, 2)));
}

TEST(CudaGatherHiddenStatesTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(
      OrdersAgree(&LaunchGatherHiddenStates, RandomGatherHiddenStatesOperands(5, 516, 1, 2)));
}

TEST(CudaGatherHiddenStatesTest, WritesItsTapOfTheNamedRows) {
  GatherHiddenStatesOperands operands = {4, 1, 2, {1, 2, 3, 4, 5, 6, 7, 8}, {-1, 1}, {}};
  operands.output.resize(16, kUnwrittenBf16);
  std::vector<uint16_t> expected = operands.output;
  for (int i = 0; i < 4; ++i) expected[12 + i] = FloatToBf16(static_cast<float>(5 + i));
  emulation::Emulator emulator({.seed = 1});
  EXPECT_EQ(RunKernel(&LaunchGatherHiddenStates, operands, &emulator).output, expected);
}

// The checks above notice what they are there for.
TEST(CudaGatherHiddenStatesTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<GatherHiddenStatesOperands> launch) {
    return EqualsReference(launch, &GatherHiddenStatesKernelReference,
                           RandomGatherHiddenStatesOperands(5, 132, 1, 2));
  };
  const auto is_invariant = [](Launcher<GatherHiddenStatesOperands> launch) {
    return RowsAreInvariant(launch, RandomGatherHiddenStatesOperands(70, 132, 1, 2));
  };
  using Fault = RowCopyFault;
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainGatherHiddenStates<Fault::kNone>>));
  EXPECT_TRUE(is_invariant(&LaunchPlain<PlainGatherHiddenStates<Fault::kNone>>));
  EXPECT_FALSE(is_invariant(&LaunchPlain<PlainGatherHiddenStates<Fault::kManyRowsWrap>>));
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainGatherHiddenStates<Fault::kManyRowsWrap>>))
      << "of few rows";
  EXPECT_FALSE(equals_reference(&LaunchPlain<PlainGatherHiddenStates<Fault::kNoRowIsRowZero>>));
  EXPECT_FALSE(equals_reference(&LaunchPlain<PlainGatherHiddenStates<Fault::kFirstTap>>));
  EXPECT_FALSE(equals_reference(&LaunchPlain<PlainGatherHiddenStates<Fault::kTruncated>>));
}

}  // namespace
}  // namespace chimera::testing
