// What callers see when the device fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/emulated_stream.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;

struct Objects {
  DeviceBuffer<int> device = *DeviceBuffer<int>::Allocate(4);
  PinnedBuffer<int> host = *PinnedBuffer<int>::Allocate(4);
  Event start = *Event::Create(EventTiming::kOn);
  Event end = *Event::Create(EventTiming::kOn);
  Stream stream = *Stream::Create();
  Graph graph =
      *Graph::Capture(stream, [this] { return Fill(device.span(), std::byte{1}, stream); });
};

struct Call {
  std::string name;
  std::function<absl::Status(Objects&)> make;
};

absl::Status Nothing() { return absl::OkStatus(); }

// Every call that may fail for the device's sake.
std::vector<Call> AllCalls() {
  return {
      {"SelectDevice", [](Objects&) { return SelectDevice(0); }},
      {"GetDeviceInfo", [](Objects&) { return GetDeviceInfo(0).status(); }},
      {"FreeDeviceMemoryBytes", [](Objects&) { return FreeDeviceMemoryBytes().status(); }},
      {"DeviceMemory", [](Objects&) { return DeviceMemory::Allocate(1).status(); }},
      {"PinnedMemory", [](Objects&) { return PinnedMemory::Allocate(1).status(); }},
      {"Stream", [](Objects&) { return Stream::Create().status(); }},
      {"Event", [](Objects&) { return Event::Create().status(); }},
      {"CopyToDevice",
       [](Objects& o) { return CopyToDevice(o.device.span(), o.host.span(), o.stream); }},
      {"CopyToHost",
       [](Objects& o) { return CopyToHost(o.host.span(), o.device.span(), o.stream); }},
      {"CopyWithin",
       [](Objects& o) {
         return CopyWithin(o.device.span().subspan(0, 2), o.device.span().subspan(2, 2), o.stream);
       }},
      {"Fill", [](Objects& o) { return Fill(o.device.span(), std::byte{0}, o.stream); }},
      {"Kernel",
       [](Objects& o) {
         return EnqueueEmulatedKernel(o.stream, [](emulation::Emulator&) { return Nothing(); });
       }},
      {"RecordEvent", [](Objects& o) { return o.stream.RecordEvent(o.end); }},
      {"WaitEvent", [](Objects& o) { return o.stream.WaitEvent(o.end); }},
      {"Stream::Synchronize", [](Objects& o) { return o.stream.Synchronize(); }},
      {"Event::Synchronize", [](Objects& o) { return o.end.Synchronize(); }},
      {"IsDone", [](Objects& o) { return o.end.IsDone().status(); }},
      {"ElapsedMilliseconds",
       [](Objects& o) { return ElapsedMilliseconds(o.start, o.end).status(); }},
      {"Capture", [](Objects& o) { return Graph::Capture(o.stream, Nothing).status(); }},
      {"Launch", [](Objects& o) { return o.graph.Launch(o.stream); }},
  };
}

// Events as ElapsedMilliseconds needs them.
absl::Status RecordBoth(Objects& objects) {
  CHIMERA_RETURN_IF_ERROR(objects.stream.RecordEvent(objects.start));
  CHIMERA_RETURN_IF_ERROR(objects.stream.RecordEvent(objects.end));
  return objects.stream.Synchronize();
}

TEST(FaultTest, EveryCallCanLoseTheDeviceAndAllCallsThenSaySo) {
  for (const Call& failing : AllCalls()) {
    SCOPED_TRACE(failing.name);
    ScopedEmulatedComputer computer;
    Objects objects;
    CHIMERA_ASSERT_OK(RecordBoth(objects));
    computer.FailCall(1, EmulatedFault::kDeviceLost);
    const absl::Status status = failing.make(objects);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("device lost")));
    EXPECT_TRUE(IsDeviceLost(status));
    EXPECT_TRUE(computer.FaultsHaveHappened());
    for (const Call& later : AllCalls()) {
      EXPECT_TRUE(IsDeviceLost(later.make(objects))) << later.name;
    }
    CHIMERA_EXPECT_OK(DeviceCount());
  }
}

TEST(FaultTest, OtherFaultsPass) {
  for (const Call& failing : AllCalls()) {
    SCOPED_TRACE(failing.name);
    ScopedEmulatedComputer computer;
    Objects objects;
    CHIMERA_ASSERT_OK(RecordBoth(objects));
    computer.FailCall(1, EmulatedFault::kOutOfMemory);
    EXPECT_THAT(failing.make(objects), StatusIs(absl::StatusCode::kResourceExhausted, _));
    computer.FailCall(1, EmulatedFault::kRefused);
    const absl::Status refused = failing.make(objects);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInternal, _));
    EXPECT_FALSE(IsDeviceLost(refused));
    CHIMERA_EXPECT_OK(failing.make(objects));
  }
}

TEST(FaultTest, TheCallOfThatNumberFails) {
  ScopedEmulatedComputer computer;
  Objects objects;
  computer.FailCall(3, EmulatedFault::kRefused);
  CHIMERA_EXPECT_OK(objects.stream.Synchronize());
  CHIMERA_EXPECT_OK(objects.stream.Synchronize());
  EXPECT_FALSE(computer.FaultsHaveHappened());
  EXPECT_FALSE(objects.stream.Synchronize().ok());
  CHIMERA_EXPECT_OK(objects.stream.Synchronize());
}

TEST(FaultTest, FailedWorkLosesTheDeviceWhenItRuns) {
  ScopedEmulatedComputer computer;
  Objects objects;
  objects.host.span()[0] = 5;
  CHIMERA_ASSERT_OK(EnqueueEmulatedKernel(objects.stream, [](emulation::Emulator&) {
    return absl::OutOfRangeError("illegal address in kernel 7");
  }));
  CHIMERA_ASSERT_OK(objects.stream.RecordEvent(objects.start));
  CHIMERA_ASSERT_OK(CopyToHost(objects.host.span(), objects.device.span(), objects.stream));
  const absl::Status status = objects.start.Synchronize();
  EXPECT_TRUE(IsDeviceLost(status));
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("illegal address in kernel 7")));
  EXPECT_EQ(objects.stream.Synchronize(), status);
  EXPECT_EQ(objects.host.span()[0], 5) << "work after the failure does not run";
}

TEST(FaultTest, OperationOfThatNumberFails) {
  ScopedEmulatedComputer computer;
  Objects objects;
  computer.FailOperation(2);
  CHIMERA_ASSERT_OK(Fill(objects.device.span(), std::byte{0}, objects.stream));
  CHIMERA_ASSERT_OK(objects.stream.Synchronize());
  CHIMERA_ASSERT_OK(objects.graph.Launch(objects.stream));
  EXPECT_TRUE(IsDeviceLost(objects.stream.Synchronize()));
}

TEST(FaultTest, OtherDevicesGoOn) {
  ScopedEmulatedComputer computer({.devices = {DefaultEmulatedDevice(), DefaultEmulatedDevice()}});
  Objects objects;
  CHIMERA_ASSERT_OK(SelectDevice(1));
  Objects others;
  CHIMERA_ASSERT_OK(SelectDevice(0));
  CHIMERA_ASSERT_OK(objects.stream.RecordEvent(objects.start));
  CHIMERA_ASSERT_OK(objects.start.Synchronize());
  CHIMERA_ASSERT_OK(objects.stream.RecordEvent(objects.end));
  computer.FailCall(1, EmulatedFault::kDeviceLost);
  EXPECT_TRUE(IsDeviceLost(objects.stream.Synchronize()));
  CHIMERA_ASSERT_OK(SelectDevice(1));
  CHIMERA_EXPECT_OK(RecordBoth(others));
  CHIMERA_EXPECT_OK(others.stream.WaitEvent(objects.start));  // which came before
  CHIMERA_EXPECT_OK(others.stream.Synchronize());
  // Its work cannot wait for what will never come.
  CHIMERA_EXPECT_OK(others.stream.WaitEvent(objects.end));
  EXPECT_TRUE(IsDeviceLost(others.stream.Synchronize()));
}

}  // namespace
}  // namespace chimera::cuda
