// What cuBLASLt's handle says on a computer without a GPU.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cuda/blas/blas_handle.h"
#include "common/cuda/runtime/device.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(BlasMissingTest, SaysWhatTheRuntimeSays) {
  const absl::Status missing = DeviceCount().status();
  if (missing.ok()) GTEST_SKIP() << "this computer has a GPU";
  EXPECT_EQ(BlasHandle::Create().status(), missing);
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kFailedPrecondition,
                                AllOf(HasSubstr("CUDA"), Not(HasSubstr("\n")))));
}

}  // namespace
}  // namespace chimera::cuda
