#include "common/cuda/kernels/window_attention.h"

#include <gtest/gtest.h>

#include "tests/common/cuda/kernels/faulty_window_attention.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/common/cuda/kernels/window_attention_operands.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

void ExpectReference(const WindowAttentionOperands& operands) {
  EXPECT_TRUE(IsCloseToReference(&LaunchWindowAttention, operands))
      << operands.heads.dim << ", " << operands.rows[0].window_count;
}

TEST(CudaWindowAttentionTest, IsCloseToTheReference) {
  for (const WindowAttentionHeads& heads : kWindowAttentionHeads) {
    ExpectReference(RandomWindowAttentionOperands(heads, 5, 4, 50, 3));
    ExpectReference(RandomWindowAttentionOperands(heads, 3, 2, 1, 0));
    ExpectReference(RandomWindowAttentionOperands(heads, 20, 1, 0, 16));
    if (!kSanitized) ExpectReference(RandomWindowAttentionOperands(heads, 4, 33, 520, 5));
  }
  ExpectReference(RandomWindowAttentionOperands({1, 1, 1024}, 2, 2, 20, 2));
}

TEST(CudaWindowAttentionTest, ARowThatSeesNothingIsZero) {
  WindowAttentionOperands operands = RandomWindowAttentionOperands({}, 1, 1, 0, 0);
  emulation::Emulator emulator({.seed = 1});
  const auto results = RunKernel(&LaunchWindowAttention, operands, &emulator);
  EXPECT_EQ(results.output, std::vector<uint16_t>(operands.output.size(), 0));
}

TEST(CudaWindowAttentionTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(
      &LaunchWindowAttention,
      WithCancellingValues(RandomWindowAttentionOperands({2, 1, 64}, 66, 4, 50, 5))));
}

TEST(CudaWindowAttentionTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(
      OrdersAgree(&LaunchWindowAttention,
                  WithCancellingValues(RandomWindowAttentionOperands({6, 2, 48}, 3, 20, 300, 5))));
}

// The checks above notice what they are there for.
TEST(CudaWindowAttentionTest, FaultyKernelsAreCaught) {
  const WindowAttentionOperands few = RandomWindowAttentionOperands({2, 1, 64}, 5, 4, 50, 3);
  const WindowAttentionOperands many =
      WithCancellingValues(RandomWindowAttentionOperands({2, 1, 64}, 66, 4, 50, 5));
  using Fault = WindowAttentionFault;
  EXPECT_TRUE(IsCloseToReference(&LaunchPlain<PlainWindowAttention<Fault::kNone>>, few));
  EXPECT_TRUE(RowsAreInvariant(&LaunchPlain<PlainWindowAttention<Fault::kNone>>, many));
  EXPECT_FALSE(RowsAreInvariant(&LaunchPlain<PlainWindowAttention<Fault::kByRowCount>>, many));
  const auto is_close = [&](Launcher<WindowAttentionOperands> launch) -> bool {
    return IsCloseToReference(launch, few);
  };
  EXPECT_TRUE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kByRowCount>>)) << "of few rows";
  EXPECT_FALSE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kRingFromItsBeginning>>));
  EXPECT_FALSE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kNewestPositionUnseen>>));
  EXPECT_FALSE(is_close(&LaunchPlain<PlainWindowAttention<Fault::kSiblingVisible>>));
}

}  // namespace
}  // namespace chimera::testing
