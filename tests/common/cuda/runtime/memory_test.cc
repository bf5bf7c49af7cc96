#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

EmulatedComputer SmallComputer() {
  EmulatedDevice device = DefaultEmulatedDevice();
  device.total_memory_bytes = 1 << 20;
  return {.devices = {device}, .pinned_memory_bytes = 1 << 20};
}

static_assert(!std::is_copy_constructible_v<DeviceBuffer<float>>);
static_assert(!std::is_copy_constructible_v<PinnedBuffer<float>>);
static_assert(std::is_convertible_v<DeviceSpan<float>, DeviceSpan<const float>>);
static_assert(!std::is_convertible_v<DeviceSpan<const float>, DeviceSpan<float>>);
static_assert(!std::is_convertible_v<DeviceSpan<float>, std::span<float>>);

TEST(MemoryTest, OutOfDeviceMemoryNamesBytesAndPasses) {
  const ScopedEmulatedComputer computer(SmallComputer());
  CHIMERA_ASSERT_OK_AND_ASSIGN(DeviceMemory first, DeviceMemory::Allocate(1 << 19));
  const auto names_both =
      StatusIs(absl::StatusCode::kResourceExhausted,
               AllOf(HasSubstr("524289 bytes asked for"), HasSubstr("524288 free")));
  EXPECT_THAT(DeviceMemory::Allocate((1 << 19) + 1), names_both);
  CHIMERA_EXPECT_OK(DeviceMemory::Allocate(1 << 19));
  first = DeviceMemory();
  CHIMERA_EXPECT_OK(DeviceMemory::Allocate(1 << 20));
}

TEST(MemoryTest, OutOfPinnedMemoryNamesBytesAndPasses) {
  const ScopedEmulatedComputer computer(SmallComputer());
  EXPECT_THAT(PinnedBuffer<char>::Allocate((1 << 20) + 1),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("1048577 bytes asked for")));
  CHIMERA_EXPECT_OK(PinnedBuffer<char>::Allocate(1 << 20));
}

TEST(MemoryTest, SizesThatOverflowAreOutOfMemory) {
  const ScopedEmulatedComputer computer;
  const size_t size = SIZE_MAX / sizeof(float) + 2;  // 4 bytes, modulo 2^64
  EXPECT_THAT(DeviceBuffer<float>::Allocate(size),
              StatusIs(absl::StatusCode::kResourceExhausted, ::testing::_));
  EXPECT_THAT(PinnedBuffer<float>::Allocate(size),
              StatusIs(absl::StatusCode::kResourceExhausted, ::testing::_));
}

TEST(MemoryTest, NothingIsAllocatedForNothing) {
  const ScopedEmulatedComputer computer({.devices = {}});
  CHIMERA_ASSERT_OK_AND_ASSIGN(DeviceBuffer<float> buffer, DeviceBuffer<float>::Allocate(0));
  EXPECT_TRUE(buffer.span().empty());
  CHIMERA_EXPECT_OK(PinnedBuffer<float>::Allocate(0));
}

TEST(MemoryTest, MovesLeaveNothingBehind) {
  const ScopedEmulatedComputer computer(SmallComputer());
  CHIMERA_ASSERT_OK_AND_ASSIGN(DeviceBuffer<int> first, DeviceBuffer<int>::Allocate(100));
  DeviceBuffer<int> second = std::move(first);
  EXPECT_EQ(first.size(), 0);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.size(), 100);
  CHIMERA_ASSERT_OK_AND_ASSIGN(first, DeviceBuffer<int>::Allocate(200));
  first = std::move(second);  // frees the 200
  EXPECT_EQ(first.size(), 100);
  EXPECT_EQ(*FreeDeviceMemoryBytes(), (1 << 20) - 400);
}

TEST(MemoryTest, NewMemoryIsNotANumber) {
  const ScopedEmulatedComputer computer;
  CHIMERA_ASSERT_OK_AND_ASSIGN(DeviceBuffer<float> device, DeviceBuffer<float>::Allocate(5));
  CHIMERA_ASSERT_OK_AND_ASSIGN(PinnedBuffer<float> host, PinnedBuffer<float>::Allocate(5));
  EXPECT_THAT(host.span(), Each(::testing::IsNan()));
  for (float& value : host.span()) value = 0;
  CHIMERA_ASSERT_OK_AND_ASSIGN(Stream stream, Stream::Create());
  CHIMERA_ASSERT_OK(CopyToHost(host.span(), device.span(), stream));
  CHIMERA_ASSERT_OK(stream.Synchronize());
  EXPECT_THAT(host.span(), Each(::testing::IsNan()));
}

class CopyDeathTest : public ::testing::Test {
 protected:
  const ScopedEmulatedComputer computer_;
  DeviceBuffer<int> device_ = *DeviceBuffer<int>::Allocate(4);
  PinnedBuffer<int> host_ = *PinnedBuffer<int>::Allocate(4);
  Stream stream_ = *Stream::Create();
};

TEST_F(CopyDeathTest, BeyondTheEnd) {
  const DeviceSpan<int> too_long(device_.span().device_pointer() + 2, 4);
  EXPECT_DEATH(CopyToDevice(too_long, host_.span(), stream_).IgnoreError(), "where 8 are left");
  EXPECT_DEATH(Fill(too_long, std::byte{0}, stream_).IgnoreError(), "where 8 are left");
  EXPECT_DEATH(device_.span().subspan(2, 3), "elements 2 . 3 of 4");
}

TEST_F(CopyDeathTest, HostMemoryThatIsNotPinned) {
  std::vector<int> pageable(4);
  EXPECT_DEATH(CopyToDevice(device_.span(), pageable, stream_).IgnoreError(),
               "not allocated as pinned");
}

TEST_F(CopyDeathTest, UnequalSizesAndOverlaps) {
  EXPECT_DEATH(CopyToHost(host_.span().first(3), device_.span(), stream_).IgnoreError(),
               "16 bytes to 12");
  EXPECT_DEATH(
      CopyWithin(device_.span().subspan(0, 3), device_.span().subspan(1, 3), stream_).IgnoreError(),
      "overlaps itself");
}

TEST_F(CopyDeathTest, MemoryFreedWhileWorkIsPending) {
  CHIMERA_ASSERT_OK(Fill(device_.span(), std::byte{0}, stream_));
  EXPECT_DEATH(
      {
        device_ = {};
        stream_.Synchronize().IgnoreError();
      },
      "memory that is not allocated");
  CHIMERA_ASSERT_OK(CopyToHost(host_.span(), device_.span(), stream_));
  EXPECT_DEATH(
      {
        host_ = {};
        stream_ = *Stream::Create();  // the old one is finished
      },
      "memory that is not allocated");
}

}  // namespace
}  // namespace chimera::cuda
