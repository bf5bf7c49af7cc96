#include "common/cuda/kernels/add_norm.h"

#include <gtest/gtest.h>

#include "tests/common/cuda/kernels/add_norm_operands.h"
#include "tests/common/cuda/kernels/faulty_add_norm.h"
#include "tests/common/cuda/kernels/row_checks.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

void ExpectReference(const AddNormOperands& operands) {
  EXPECT_TRUE(IsCloseToReference(&LaunchAddNorm, operands))
      << operands.row_count() << " rows of " << operands.size;
}

TEST(CudaAddNormTest, EqualsTheReference) {
  for (const AddNormParts& parts : kAddNormParts) {
    for (const int size : {64, 100, 576, 1024, 1028, 4096, 8192}) {
      if (kSanitized && size > 1028) continue;
      ExpectReference(RandomAddNormOperands(size % 3 + 1, size, parts));
    }
    for (const int row_count : {1, 2, 7, 16, 33, 70}) {
      if (kSanitized && row_count > 16) continue;
      ExpectReference(RandomAddNormOperands(row_count, 132, parts));
    }
  }
}

TEST(CudaAddNormTest, RowsDoNotDependOnOthers) {
  EXPECT_TRUE(RowsAreInvariant(&LaunchAddNorm, RandomAddNormOperands(70, 1028, kAddNormParts[0])));
}

TEST(CudaAddNormTest, OrderOfThreadsDoesNotMatter) {
  for (const AddNormParts& parts : kAddNormParts) {
    EXPECT_TRUE(OrdersAgree(&LaunchAddNorm, RandomAddNormOperands(5, 1028, parts)));
  }
}

// The checks above notice what they are there for.
TEST(CudaAddNormTest, FaultyKernelsAreCaught) {
  const AddNormOperands few = RandomAddNormOperands(16, 132, kAddNormParts[0]);
  const AddNormOperands many = RandomAddNormOperands(70, 132, kAddNormParts[0]);
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
