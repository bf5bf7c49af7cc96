#include "common/cuda/runtime/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(DeviceTest, NoDriverIsSaid) {
  const ScopedEmulatedComputer computer({.has_driver = false});
  const auto says_so = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no CUDA driver"));
  EXPECT_THAT(DeviceCount(), says_so);
  EXPECT_THAT(SelectDevice(0), says_so);
  EXPECT_THAT(Stream::Create(), says_so);
}

TEST(DeviceTest, NoDeviceIsSaid) {
  const ScopedEmulatedComputer computer({.devices = {}});
  const auto says_so = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no CUDA device"));
  EXPECT_THAT(DeviceCount(), says_so);
  EXPECT_THAT(SelectDevice(0), says_so);
}

TEST(DeviceTest, WrongNumberNamesTheNumberAndHowManyThereAre) {
  const ScopedEmulatedComputer computer(
      {.devices = {DefaultEmulatedDevice(), DefaultEmulatedDevice()}});
  for (const int index : {-1, 2}) {
    const auto names_both = StatusIs(absl::StatusCode::kInvalidArgument,
                                     AllOf(HasSubstr(std::to_string(index)), HasSubstr("are 2")));
    EXPECT_THAT(SelectDevice(index), names_both);
    EXPECT_THAT(GetDeviceInfo(index), names_both);
  }
}

TEST(DeviceTest, OldDeviceIsRefusedByName) {
  EmulatedDevice old_device = DefaultEmulatedDevice();
  old_device.name = "Old Card";
  old_device.compute_capability_major = 7;
  old_device.compute_capability_minor = 5;
  const ScopedEmulatedComputer computer({.devices = {DefaultEmulatedDevice(), old_device}});
  CHIMERA_EXPECT_OK(SelectDevice(0));
  EXPECT_THAT(SelectDevice(1), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        AllOf(HasSubstr("Old Card"), HasSubstr("7.5"))));
}

TEST(DeviceTest, MemoryComesFromTheDeviceOfTheThread) {
  EmulatedDevice small = DefaultEmulatedDevice();
  small.total_memory_bytes = 4096;
  const ScopedEmulatedComputer computer({.devices = {DefaultEmulatedDevice(), small}});
  EXPECT_EQ(GetDeviceInfo(1)->total_memory_bytes, 4096);
  CHIMERA_ASSERT_OK(SelectDevice(1));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const DeviceMemory memory, DeviceMemory::Allocate(1000));
  EXPECT_EQ(*FreeDeviceMemoryBytes(), 3096);
  // Another thread begins at device 0.
  std::thread([] {
    EXPECT_EQ(*FreeDeviceMemoryBytes(), DefaultEmulatedDevice().total_memory_bytes);
  }).join();
}

TEST(DeviceDeathTest, WorkFromAThreadOfAnotherDevice) {
  const ScopedEmulatedComputer computer(
      {.devices = {DefaultEmulatedDevice(), DefaultEmulatedDevice()}});
  CHIMERA_ASSERT_OK_AND_ASSIGN(DeviceBuffer<int> buffer, DeviceBuffer<int>::Allocate(1));
  CHIMERA_ASSERT_OK_AND_ASSIGN(Stream stream, Stream::Create());
  CHIMERA_ASSERT_OK(SelectDevice(1));
  EXPECT_DEATH(Fill(buffer.span(), std::byte{0}, stream).IgnoreError(), "thread of device 1");
}

TEST(DeviceDeathTest, MemoryOfAnotherDevice) {
  const ScopedEmulatedComputer computer(
      {.devices = {DefaultEmulatedDevice(), DefaultEmulatedDevice()}});
  CHIMERA_ASSERT_OK_AND_ASSIGN(DeviceBuffer<int> buffer, DeviceBuffer<int>::Allocate(1));
  CHIMERA_ASSERT_OK(SelectDevice(1));
  CHIMERA_ASSERT_OK_AND_ASSIGN(Stream stream, Stream::Create());
  EXPECT_DEATH(Fill(buffer.span(), std::byte{0}, stream).IgnoreError(),
               "memory of device 0 as memory of device 1");
}

}  // namespace
}  // namespace chimera::cuda
