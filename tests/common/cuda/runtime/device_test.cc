#include "common/cuda/runtime/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

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
using ::testing::Not;

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

// As an A100 but for these.
EmulatedDevice Device(int major, int minor, size_t shared_memory_kib) {
  EmulatedDevice device = DefaultEmulatedDevice();
  device.name = "Some Card";
  device.compute_capability_major = major;
  device.compute_capability_minor = minor;
  device.shared_memory_per_block_bytes = shared_memory_kib << 10;
  return device;
}

TEST(DeviceTest, DevicesWithoutCodeAreRefusedByName) {
  const ScopedEmulatedComputer computer(
      {.devices = {Device(7, 5, 163), Device(8, 0, 163), Device(8, 7, 163), Device(9, 0, 227),
                   Device(10, 0, 227), Device(12, 1, 227)}});
  for (const int runs : {1, 2, 3}) CHIMERA_EXPECT_OK(SelectDevice(runs)) << runs;
  for (const auto& [index, capability] :
       {std::pair(0, "7.5"), std::pair(4, "10.0"), std::pair(5, "12.1")}) {
    EXPECT_THAT(
        SelectDevice(index),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr(" (Some Card) has compute capability "), HasSubstr(capability),
                       HasSubstr("kernels for 8.0, 9.0 and later"), Not(HasSubstr("\n")))));
  }
}

TEST(DeviceTest, TooLittleSharedMemoryIsRefusedByName) {
  const ScopedEmulatedComputer computer({.devices = {Device(8, 6, 99), Device(8, 9, 99)}});
  for (const int index : {0, 1}) {
    EXPECT_THAT(SelectDevice(index),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("(Some Card) has 99 KiB of shared memory for a block, "
                                         "163 KiB are needed"),
                               Not(HasSubstr("\n")))));
  }
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
