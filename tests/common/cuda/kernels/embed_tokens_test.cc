#include "common/cuda/kernels/embed_tokens.h"

#include <gtest/gtest.h>

#include "common/cuda/kernels/embed_tokens_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {
namespace {

constexpr int kVocabulary = 50;

struct EmbedTokensOperands {
  using Arguments = EmbedTokensArguments;

  int size = 0;
  std::vector<uint16_t> table;
  std::vector<int32_t> tokens;
  std::vector<float> residual;

  int row_count() const { return static_cast<int>(tokens.size()); }
  Arguments KernelArguments() {
    return {row_count(), size, table.data(), tokens.data(), residual.data()};
  }
  EmbedTokensOperands Select(const std::vector<int>& rows) const {
    return {size, table, SelectRows(tokens, 1, row_count(), rows),
            SelectRows(residual, 1, row_count(), rows)};
  }
  std::vector<float> RowResult(int row) const {
    return SelectRows(residual, 1, row_count(), {row});
  }
  bool operator==(const EmbedTokensOperands&) const = default;
};

// One row in four is padding.
EmbedTokensOperands RandomOperands(int row_count, int size) {
  std::mt19937 random(row_count + size);
  EmbedTokensOperands operands = {size, RandomBf16(size_t{kVocabulary} * size, &random), {}, {}};
  for (int row = 0; row < row_count; ++row) {
    operands.tokens.push_back(row % 4 == 3 ? -1 : static_cast<int>(random() % kVocabulary));
  }
  operands.residual.resize(static_cast<size_t>(row_count) * size, -1.0f);
  return operands;
}

TEST(CudaEmbedTokensTest, EqualsTheReference) {
  for (const int size : {4, 64, 68, 508, 512, 516, 576, 4096}) {
    EXPECT_TRUE(
        EqualsReference(&LaunchEmbedTokens, &EmbedTokensKernelReference, RandomOperands(5, size)))
        << size;
  }
  for (const int row_count : kRowCounts) {
    EXPECT_TRUE(EqualsReference(&LaunchEmbedTokens, &EmbedTokensKernelReference,
                                RandomOperands(row_count, 132)))
        << row_count;
  }
}

TEST(CudaEmbedTokensTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchEmbedTokens, RandomOperands(70, 516)));
}

TEST(CudaEmbedTokensTest, OrderOfThreadsDoesNotMatter) {
  EXPECT_TRUE(OrdersAgree(&LaunchEmbedTokens, RandomOperands(5, 516)));
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

}  // namespace
}  // namespace chimera::testing
