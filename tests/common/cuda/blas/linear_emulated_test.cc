// What emulated layers punish, and that the self-test notices rows that depend on the batch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "common/cuda/blas/linear.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/emulated_device.h"
#include "tests/common/cuda/blas/linear_run.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::BlasHandle;
using cuda::BlasLinear;
using cuda::BlasMode;
using cuda::EmulatedBlasFault;
using cuda::ScopedEmulatedComputer;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Not;

constexpr int kInputSize = 512;
constexpr int kOutputSize = 64;

template <typename Output>
BlasLinear<Output> MakeLinear(BlasHandle& handle, BlasMode mode, int max_row_count = 256) {
  return *BlasLinear<Output>::Create(handle, {.mode = mode,
                                              .input_size = kInputSize,
                                              .output_size = kOutputSize,
                                              .max_row_count = max_row_count});
}

template <typename Output>
absl::Status TestItself(EmulatedBlasFault fault, int max_row_count = 256) {
  const ScopedEmulatedComputer computer({.blas_fault = fault});
  BlasHandle handle = *BlasHandle::Create();
  auto linear = MakeLinear<Output>(handle, BlasMode::kPinned, max_row_count);
  LinearRun<Output> run(linear, RandomOperands(1, kInputSize, kOutputSize));
  cuda::Stream stream = *cuda::Stream::Create();
  CHIMERA_RETURN_IF_ERROR(run.CopyOperands(stream));
  return linear.SelfTest(run.Arguments().weight, stream);
}

TEST(LinearSelfTest, RefusesRowsThatDependOnTheBatch) {
  CHIMERA_EXPECT_OK(TestItself<float>(EmulatedBlasFault::kNone));
  CHIMERA_EXPECT_OK(TestItself<uint16_t>(EmulatedBlasFault::kNone));
  for (const auto fault : {EmulatedBlasFault::kRowCount, EmulatedBlasFault::kPlace}) {
    const auto refuses =
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr("rows depend on the batch: row "), HasSubstr("k=512 n=64")));
    EXPECT_THAT(TestItself<float>(fault), refuses);
    EXPECT_THAT(TestItself<uint16_t>(fault), refuses);
  }
  EXPECT_THAT(TestItself<float>(EmulatedBlasFault::kRowCount).message(), HasSubstr(" of 128 "));
  EXPECT_THAT(TestItself<float>(EmulatedBlasFault::kPlace).message(), HasSubstr(" of 64 "));
}

// Not every algorithm changes with the first few rows.
TEST(LinearSelfTest, TestsTheMostRows) {
  CHIMERA_EXPECT_OK(TestItself<float>(EmulatedBlasFault::kNone, 300));
  CHIMERA_EXPECT_OK(TestItself<float>(EmulatedBlasFault::kManyRows, 256));
  EXPECT_THAT(TestItself<float>(EmulatedBlasFault::kManyRows, 300),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(" of 320 ")));
}

class LinearEmulatedDeathTest : public ::testing::Test {
 protected:
  LinearEmulatedDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  const ScopedEmulatedComputer computer_{
      {.devices = {cuda::DefaultEmulatedDevice(), cuda::DefaultEmulatedDevice()}}};
  BlasHandle handle_ = *BlasHandle::Create();
  BlasLinear<float> linear_ = MakeLinear<float>(handle_, BlasMode::kPinned);
  LinearRun<float> run_{linear_, RandomOperands(5, kInputSize, kOutputSize)};
  cuda::Stream stream_ = *cuda::Stream::Create();
};
using LinearEmulatedTest = LinearEmulatedDeathTest;

TEST_F(LinearEmulatedTest, RunsWhenItIsWaitedFor) {
  CHIMERA_ASSERT_OK(run_.CopyOperands(stream_));
  CHIMERA_ASSERT_OK(linear_.Run(run_.Arguments(), stream_));
  CHIMERA_ASSERT_OK(run_.CopyOutput(stream_));
  EXPECT_THAT(run_.output(), Each(IsNan())) << "nobody has waited";
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(run_.output(), Each(Not(IsNan())));
}

TEST_F(LinearEmulatedTest, PaddingRowsAreNotANumber) {
  CHIMERA_ASSERT_OK(run_.CopyOperands(stream_));
  CHIMERA_ASSERT_OK(linear_.Run(run_.Arguments(), stream_));
  CHIMERA_ASSERT_OK(run_.CopyOutput(stream_));
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  const std::vector<float> padded = run_.padded_output();
  ASSERT_EQ(padded.size(), 64u * kOutputSize);
  EXPECT_THAT(std::vector<float>(padded.begin() + 5 * kOutputSize, padded.end()), Each(IsNan()));
}

TEST_F(LinearEmulatedTest, FastestRowsDependOnTheirNumber) {
  auto fastest = MakeLinear<float>(handle_, BlasMode::kFastest);
  const LinearOperands operands = RandomOperands(6, kInputSize, kOutputSize);
  LinearOperands fewer = operands;
  fewer.row_count = 5;
  fewer.input.resize(5 * kInputSize);
  CHIMERA_ASSERT_OK_AND_ASSIGN(std::vector<float> output, RunLinear(fastest, operands));
  output.resize(5 * kOutputSize);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<float> fewer_output, RunLinear(fastest, fewer));
  EXPECT_NE(output, fewer_output);
}

TEST_F(LinearEmulatedDeathTest, ArgumentsThatAreTooSmall) {
  auto arguments = run_.Arguments();
  arguments.input = arguments.input.subspan(0, 5 * kInputSize);
  EXPECT_DEATH(linear_.Run(arguments, stream_).IgnoreError(), "input has 2560 elements, 32768 are");
  arguments = run_.Arguments();
  arguments.output = arguments.output.subspan(0, 5 * kOutputSize);
  EXPECT_DEATH(linear_.Run(arguments, stream_).IgnoreError(), "output has 320 elements, 4096 are");
  arguments = run_.Arguments();
  arguments.weight = arguments.weight.subspan(8, arguments.weight.size() - 8);
  EXPECT_DEATH(linear_.Run(arguments, stream_).IgnoreError(), "weight has 32760 elements");
  arguments = run_.Arguments();
  arguments.workspace = {};
  EXPECT_DEATH(linear_.Run(arguments, stream_).IgnoreError(), "workspace has 0 elements");
  arguments = run_.Arguments();
  arguments.row_count = 257;
  EXPECT_DEATH(linear_.Run(arguments, stream_).IgnoreError(), "257 rows");
}

TEST_F(LinearEmulatedDeathTest, ArgumentsOutsideTheDevice) {
  auto arguments = run_.Arguments();
  std::vector<float> host(64 * kOutputSize);
  arguments.output = {host.data(), host.size()};
  EXPECT_DEATH(linear_.Run(arguments, stream_).IgnoreError(), "memory that is not allocated");
  CHIMERA_ASSERT_OK(cuda::SelectDevice(1));
  std::optional<cuda::Stream> other = *cuda::Stream::Create();
  EXPECT_DEATH(linear_.Run(run_.Arguments(), *other).IgnoreError(), "layer of another device");
  other.reset();
  CHIMERA_ASSERT_OK(cuda::SelectDevice(0));
}

TEST_F(LinearEmulatedDeathTest, FastestLayersHaveNothingToTest) {
  auto fastest = MakeLinear<float>(handle_, BlasMode::kFastest);
  EXPECT_DEATH(fastest.SelfTest(run_.Arguments().weight, stream_).IgnoreError(), "only pinned");
}

}  // namespace
}  // namespace chimera::testing
