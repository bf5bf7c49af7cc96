// What callers see when the device fails, or has too little memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cuda/blas/linear.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/emulated_device.h"
#include "tests/common/cuda/blas/linear_run.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::BlasHandle;
using cuda::BlasLinear;
using cuda::EmulatedFault;
using cuda::ScopedEmulatedComputer;
using ::testing::_;
using ::testing::HasSubstr;

// Everything that a layer is asked, from the handle to the output. A fault may come at each call.
absl::Status UseALayer() {
  const LinearOperands operands = RandomOperands(3, 16, 16);
  CHIMERA_ASSIGN_OR_RETURN(BlasHandle handle, BlasHandle::Create());
  CHIMERA_ASSIGN_OR_RETURN(auto linear,
                           BlasLinear<float>::Create(
                               handle, {.input_size = 16, .output_size = 16, .max_row_count = 64}));
  CHIMERA_ASSIGN_OR_RETURN(auto weight,
                           cuda::DeviceBuffer<uint16_t>::Allocate(operands.weight.size()));
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::Create());
  CHIMERA_RETURN_IF_ERROR(cuda::Fill(weight.span(), std::byte{0x3c}, stream));
  CHIMERA_RETURN_IF_ERROR(linear.Prepare(3));
  return linear.SelfTest(weight.span(), stream);
}

TEST(LinearFaultTest, EveryFaultIsReturned) {
  const struct {
    EmulatedFault fault;
    absl::StatusCode code;
  } faults[] = {{EmulatedFault::kDeviceLost, absl::StatusCode::kUnavailable},
                {EmulatedFault::kOutOfMemory, absl::StatusCode::kResourceExhausted},
                {EmulatedFault::kRefused, absl::StatusCode::kInternal}};
  for (const auto& [fault, code] : faults) {
    int number = 1;
    for (;; ++number) {
      ScopedEmulatedComputer computer;
      computer.FailCall(number, fault);
      const absl::Status status = UseALayer();
      if (!computer.FaultsHaveHappened()) break;
      EXPECT_THAT(status, StatusIs(code, _)) << number;
      EXPECT_EQ(cuda::IsDeviceLost(status), fault == EmulatedFault::kDeviceLost);
    }
    EXPECT_GT(number, 100) << "the self-test alone copies 256 rows";
  }
}

TEST(LinearFaultTest, WorkThatFailsLosesTheDevice) {
  for (int number = 1;; ++number) {
    ScopedEmulatedComputer computer;
    computer.FailOperation(number);
    const absl::Status status = UseALayer();
    if (!computer.FaultsHaveHappened()) break;
    EXPECT_TRUE(cuda::IsDeviceLost(status)) << number;
  }
}

TEST(LinearFaultTest, WithoutADeviceThereIsNoHandle) {
  const ScopedEmulatedComputer computer({.has_driver = false, .devices = {}});
  EXPECT_THAT(BlasHandle::Create(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no CUDA driver")));
}

TEST(LinearFaultTest, TooLittleWorkspaceIsRefused) {
  const ScopedEmulatedComputer computer;
  BlasHandle handle = *BlasHandle::Create();
  EXPECT_THAT(
      BlasLinear<float>::Create(
          handle,
          {.input_size = 64, .output_size = 48, .max_row_count = 64, .max_workspace_bytes = 1}),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("from 64 to 48 within 1 bytes of workspace")));
}

}  // namespace
}  // namespace chimera::testing
