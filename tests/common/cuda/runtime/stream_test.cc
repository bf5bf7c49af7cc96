#include "common/cuda/runtime/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <utility>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/emulated_stream.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() { std::iota(input_.span().begin(), input_.span().end(), 1); }

  const ScopedEmulatedComputer computer_;
  PinnedBuffer<int> input_ = *PinnedBuffer<int>::Allocate(4);
  PinnedBuffer<int> output_ = *PinnedBuffer<int>::Allocate(4);
  DeviceBuffer<int> first_ = *DeviceBuffer<int>::Allocate(4);
  DeviceBuffer<int> second_ = *DeviceBuffer<int>::Allocate(4);
  Stream stream_ = *Stream::Create();
};

TEST_F(StreamTest, WorkRunsInTheOrderGiven) {
  CHIMERA_ASSERT_OK(CopyToDevice(first_.span(), input_.span(), stream_));
  CHIMERA_ASSERT_OK(EnqueueEmulatedKernel(stream_, [data = first_.span()](emulation::Emulator&) {
    for (size_t i = 0; i < data.size(); ++i) data.device_pointer()[i] *= 10;
    return absl::OkStatus();
  }));
  CHIMERA_ASSERT_OK(CopyWithin(second_.span(), first_.span(), stream_));
  CHIMERA_ASSERT_OK(Fill(second_.span().subspan(1, 2), std::byte{0}, stream_));
  CHIMERA_ASSERT_OK(CopyToHost(output_.span(), second_.span(), stream_));
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(10, 0, 0, 40));
}

TEST_F(StreamTest, WhoDoesNotWaitReadsWhatWasThereBefore) {
  CHIMERA_ASSERT_OK(CopyToDevice(first_.span(), input_.span(), stream_));
  CHIMERA_ASSERT_OK(CopyToHost(output_.span(), first_.span(), stream_));
  EXPECT_THAT(output_.span(), Each(-1));
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(1, 2, 3, 4));
}

TEST_F(StreamTest, WhoOverwritesASourceTooEarlySpoilsTheCopy) {
  CHIMERA_ASSERT_OK(CopyToDevice(first_.span(), input_.span(), stream_));
  input_.span()[0] = 7;
  CHIMERA_ASSERT_OK(CopyToHost(output_.span(), first_.span(), stream_));
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(7, 2, 3, 4));
}

TEST_F(StreamTest, CopiesOfNothingDoNothing) {
  CHIMERA_EXPECT_OK(CopyToDevice(DeviceSpan<int>(), {}, stream_));
  CHIMERA_EXPECT_OK(CopyToHost({}, DeviceSpan<const int>(), stream_));
  CHIMERA_EXPECT_OK(CopyWithin(DeviceSpan<int>(), {}, stream_));
  CHIMERA_EXPECT_OK(Fill(DeviceSpan<int>(), std::byte{0}, stream_));
}

TEST_F(StreamTest, DestructionFinishesPendingWork) {
  {
    CHIMERA_ASSERT_OK_AND_ASSIGN(Stream other, Stream::Create());
    CHIMERA_ASSERT_OK(CopyToDevice(first_.span(), input_.span(), other));
    CHIMERA_ASSERT_OK(CopyToHost(output_.span(), first_.span(), other));
    EXPECT_THAT(output_.span(), Each(-1));
  }
  EXPECT_THAT(output_.span(), ElementsAre(1, 2, 3, 4));
}

TEST_F(StreamTest, MovesTakePendingWorkAlong) {
  std::optional<Stream> moved;
  {
    CHIMERA_ASSERT_OK_AND_ASSIGN(Stream other, Stream::Create());
    CHIMERA_ASSERT_OK(CopyToDevice(first_.span(), input_.span(), other));
    CHIMERA_ASSERT_OK(CopyToHost(output_.span(), first_.span(), other));
    moved = std::move(other);
    EXPECT_DEATH(other.Synchronize().IgnoreError(),  // NOLINT(bugprone-use-after-move)
                 "moved from");
  }
  EXPECT_THAT(output_.span(), Each(-1));
  CHIMERA_ASSERT_OK(moved->Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(1, 2, 3, 4));
}

TEST_F(StreamTest, StreamsDoNotWaitForEachOther) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(Stream reader, Stream::Create());
  CHIMERA_ASSERT_OK(CopyToDevice(first_.span(), input_.span(), stream_));
  CHIMERA_ASSERT_OK(CopyToHost(output_.span(), first_.span(), reader));
  CHIMERA_ASSERT_OK(reader.Synchronize());
  EXPECT_THAT(output_.span(), Each(-1)) << "memory that nobody has written yet";
}

TEST_F(StreamTest, KernelsMustNotCallTheRuntime) {
  EXPECT_DEATH(
      {
        EnqueueEmulatedKernel(stream_, [](emulation::Emulator&) {
          return DeviceMemory::Allocate(1).status();
        }).IgnoreError();
        stream_.Synchronize().IgnoreError();
      },
      "a kernel calls the CUDA runtime");
}

}  // namespace
}  // namespace chimera::cuda
