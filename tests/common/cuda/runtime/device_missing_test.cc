// What the CUDA runtime says on a computer without a GPU.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DeviceMissingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (DeviceCount().ok()) GTEST_SKIP() << "this computer has a GPU";
  }
};

TEST_F(DeviceMissingTest, EveryCallSaysSoInOneLine) {
  const auto says_so =
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(AnyOf(HasSubstr("no CUDA driver is installed"), HasSubstr("no CUDA device"),
                           HasSubstr("the CUDA driver supports CUDA")),
                     Not(HasSubstr("\n"))));
  EXPECT_THAT(DeviceCount(), says_so);
  EXPECT_THAT(GetDeviceInfo(0), says_so);
  EXPECT_THAT(SelectDevice(0), says_so);
  EXPECT_THAT(FreeDeviceMemoryBytes(), says_so);
  EXPECT_THAT(DeviceMemory::Allocate(1), says_so);
  EXPECT_THAT(PinnedMemory::Allocate(1), says_so);
  EXPECT_THAT(Stream::Create(), says_so);
  EXPECT_THAT(Event::Create(), says_so);
  EXPECT_FALSE(IsDeviceLost(Stream::Create().status()));
}

}  // namespace
}  // namespace chimera::cuda
