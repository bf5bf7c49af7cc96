#include "common/cuda/kernels/embed_tokens.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/embed_tokens_reference.h"
#include "tests/common/cuda/kernels/embed_tokens_operands.h"
#include "tests/common/cuda/kernels/faulty_row_copies.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

TEST(CudaEmbedTokensTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 576, 4096}) {
    EXPECT_TRUE(EqualsReference(&LaunchEmbedTokens, &EmbedTokensKernelReference,
                                RandomEmbedTokensOperands(5, size)))
        << size;
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchEmbedTokens, &EmbedTokensKernelReference,
                                RandomEmbedTokensOperands(row_count, 132)))
        << row_count;
  }
}

TEST(CudaEmbedTokensTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchEmbedTokens, RandomEmbedTokensOperands(70, 516)));
}

TEST(CudaEmbedTokensTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchEmbedTokens, RandomEmbedTokensOperands(5, 516)));
}

TEST(CudaEmbedTokensTest, FirstAndLastTokenAndPadding) {
  EmbedTokensOperands operands = {4, {}, {2, -1, 0}, std::vector<float>(12, -1.0f)};
  for (const float x : {1.0f, 2.0f, 3.0f, 4.0f, 0.0f, 0.0f, 0.0f, 0.0f, 5.0f, 6.0f, 7.0f, -8.0f}) {
    operands.table.push_back(FloatToBf16(x));
  }
  emulation::Emulator emulator({.seed = 1});
  EXPECT_EQ(RunKernel(&LaunchEmbedTokens, operands, &emulator).residual,
            (std::vector<float>{5, 6, 7, -8, 0, 0, 0, 0, 1, 2, 3, 4}));
}

// The checks above notice what they are there for.
TEST(CudaEmbedTokensTest, FaultyKernelsAreCaught) {
  const auto equals_reference = [](Launcher<EmbedTokensOperands> launch) {
    return EqualsReference(launch, &EmbedTokensKernelReference, RandomEmbedTokensOperands(5, 132));
  };
  const auto is_invariant = [](Launcher<EmbedTokensOperands> launch) {
    return RowsAreInvariant(launch, RandomEmbedTokensOperands(70, 132));
  };
  using Fault = RowCopyFault;
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainEmbedTokens<Fault::kNone>>));
  EXPECT_TRUE(is_invariant(&LaunchPlain<PlainEmbedTokens<Fault::kNone>>));
  EXPECT_FALSE(is_invariant(&LaunchPlain<PlainEmbedTokens<Fault::kManyRowsWrap>>));
  EXPECT_TRUE(equals_reference(&LaunchPlain<PlainEmbedTokens<Fault::kManyRowsWrap>>))
      << "of few rows";
  EXPECT_FALSE(equals_reference(&LaunchPlain<PlainEmbedTokens<Fault::kNoRowIsRowZero>>));
}

}  // namespace
}  // namespace chimera::testing
