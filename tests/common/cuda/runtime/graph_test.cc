#include "common/cuda/runtime/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/emulated_stream.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;

class GraphTest : public ::testing::Test {
 protected:
  // Doubles the input.
  absl::Status Record() {
    CHIMERA_RETURN_IF_ERROR(CopyToDevice(device_.span(), input_.span(), stream_));
    CHIMERA_RETURN_IF_ERROR(
        EnqueueEmulatedKernel(stream_, [data = device_.span()](emulation::Emulator&) {
          for (size_t i = 0; i < data.size(); ++i) data.device_pointer()[i] *= 2;
          return absl::OkStatus();
        }));
    return CopyToHost(output_.span(), device_.span(), stream_);
  }

  absl::StatusOr<Graph> Capture() {
    return Graph::Capture(stream_, [this] { return Record(); });
  }

  const ScopedEmulatedComputer computer_;
  PinnedBuffer<int> input_ = *PinnedBuffer<int>::Allocate(2);
  PinnedBuffer<int> output_ = *PinnedBuffer<int>::Allocate(2);
  DeviceBuffer<int> device_ = *DeviceBuffer<int>::Allocate(2);
  Stream stream_ = *Stream::Create();
};

TEST_F(GraphTest, CaptureRunsNothing) {
  CHIMERA_ASSERT_OK(Capture());
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), Each(-1));
}

TEST_F(GraphTest, LaunchesReadTheirInputsAnew) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(Graph captured, Capture());
  const Graph graph = std::move(captured);
  CHIMERA_ASSERT_OK_AND_ASSIGN(Stream other, Stream::Create());
  for (const int start : {1, 10}) {
    for (Stream* const stream : {&stream_, &other}) {
      std::iota(input_.span().begin(), input_.span().end(), start);
      output_.span()[0] = -1;
      CHIMERA_ASSERT_OK(graph.Launch(*stream));
      EXPECT_EQ(output_.span()[0], -1) << "a launch does not wait";
      CHIMERA_ASSERT_OK(stream->Synchronize());
      EXPECT_THAT(output_.span(), ElementsAre(2 * start, 2 * start + 2));
    }
  }
}

TEST_F(GraphTest, LaunchesKeepTheirPlaceInTheStream) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Graph graph, Capture());
  input_.span()[0] = 3;
  CHIMERA_ASSERT_OK(graph.Launch(stream_));
  CHIMERA_ASSERT_OK(Fill(device_.span(), std::byte{0}, stream_));
  CHIMERA_ASSERT_OK(CopyToHost(output_.span().last(1), device_.span().subspan(0, 1), stream_));
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(6, 0));
}

TEST_F(GraphTest, MayBeDestroyedWhileALaunchIsPending) {
  std::iota(input_.span().begin(), input_.span().end(), 1);
  std::optional<Graph> graph = *Capture();
  CHIMERA_ASSERT_OK(graph->Launch(stream_));
  graph.reset();
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(2, 4));
}

TEST_F(GraphTest, AFailedRecordingLeavesTheStreamUsable) {
  EXPECT_THAT(Graph::Capture(stream_,
                             [this] {
                               CHIMERA_RETURN_IF_ERROR(Record());
                               return absl::OutOfRangeError("no such bucket");
                             }),
              StatusIs(absl::StatusCode::kOutOfRange, "no such bucket"));
  std::iota(input_.span().begin(), input_.span().end(), 1);
  CHIMERA_ASSERT_OK(Record());
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAre(2, 4));
}

TEST_F(GraphTest, WhatACaptureDoesNotAllow) {
  const auto capture = [this](absl::FunctionRef<void()> action) {
    Graph::Capture(stream_, [action] {
      action();
      return absl::OkStatus();
    }).IgnoreError();
  };
  CHIMERA_ASSERT_OK_AND_ASSIGN(Event event, Event::Create());
  EXPECT_DEATH(capture([] { DeviceMemory::Allocate(1).IgnoreError(); }), "memory is allocated");
  EXPECT_DEATH(capture([this] { device_ = {}; }), "memory is freed");
  EXPECT_DEATH(capture([this] { stream_.Synchronize().IgnoreError(); }), "is waited for");
  EXPECT_DEATH(capture([&] { stream_.RecordEvent(event).IgnoreError(); }), "event is recorded");
}

TEST_F(GraphTest, LaunchAfterItsMemoryWasFreed) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Graph graph, Capture());
  EXPECT_DEATH(
      {
        device_ = {};
        graph.Launch(stream_).IgnoreError();
        stream_.Synchronize().IgnoreError();
      },
      "memory that is not allocated");
}

}  // namespace
}  // namespace chimera::cuda
