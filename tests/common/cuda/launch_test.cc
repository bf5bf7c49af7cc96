// Kernels in streams and graphs.

#include "common/cuda/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/status_macros.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr int kSize = 64;

// A row of zeros plus the input is normalised by weights of 1.
class LaunchTest : public ::testing::Test {
 protected:
  LaunchTest() { SetInput(1); }

  void SetInput(float value) {
    for (int i = 0; i < kSize; ++i) input_.span()[i] = i % 2 == 0 ? value : 3 * value;
  }

  // The sums of the input with the rows, which the kernel leaves.
  std::vector<float> Sums(int launches) {
    std::vector<float> sums(kSize);
    for (int i = 0; i < kSize; ++i) sums[i] = static_cast<float>(launches) * input_.span()[i];
    return sums;
  }

  // Arguments are gone when the kernel runs.
  absl::Status LaunchKernel(LaunchOrder order = LaunchOrder::kAfterPriorLaunch) {
    const RmsNormArguments<float> arguments = {.row_count = 1,
                                               .size = kSize,
                                               .split_count = 1,
                                               .epsilon = 1e-5f,
                                               .partials = partials_.span().device_pointer(),
                                               .residual = residual_.span().device_pointer(),
                                               .weight = weight_.span().device_pointer(),
                                               .output = normalised_.span().device_pointer()};
    return LaunchRmsNorm(stream_, arguments, order);
  }

  absl::Status CopyInput() { return cuda::CopyToDevice(partials_.span(), input_.span(), stream_); }

  absl::Status CopyOutput() { return cuda::CopyToHost(output_.span(), residual_.span(), stream_); }

  const cuda::ScopedEmulatedComputer computer_;
  cuda::PinnedBuffer<float> input_ = *cuda::PinnedBuffer<float>::Allocate(kSize);
  cuda::PinnedBuffer<float> output_ = *cuda::PinnedBuffer<float>::Allocate(kSize);
  cuda::DeviceBuffer<float> partials_ = *cuda::DeviceBuffer<float>::Allocate(kSize);
  cuda::DeviceBuffer<float> residual_ = *cuda::DeviceBuffer<float>::Allocate(kSize);
  cuda::DeviceBuffer<float> weight_ = *cuda::DeviceBuffer<float>::Allocate(kSize);
  cuda::DeviceBuffer<uint16_t> normalised_ = *cuda::DeviceBuffer<uint16_t>::Allocate(kSize);
  cuda::Stream stream_ = *cuda::Stream::Create();
};

TEST_F(LaunchTest, RunsInItsStreamsOrder) {
  std::fill_n(output_.span().begin(), kSize, -1.0f);
  CHIMERA_ASSERT_OK(cuda::Fill(residual_.span(), std::byte{0}, stream_));
  CHIMERA_ASSERT_OK(CopyInput());
  for (const LaunchOrder order :
       {LaunchOrder::kAfterPriorLaunch, LaunchOrder::kOverlapsPriorLaunch}) {
    CHIMERA_ASSERT_OK(LaunchKernel(order));
  }
  CHIMERA_ASSERT_OK(CopyOutput());
  EXPECT_THAT(output_.span(), Each(-1)) << "nobody has waited";
  CHIMERA_ASSERT_OK(stream_.Synchronize());
  EXPECT_THAT(output_.span(), ElementsAreArray(Sums(2)));
}

TEST_F(LaunchTest, GraphsLaunchKernelsAnew) {
  CHIMERA_ASSERT_OK(cuda::Fill(residual_.span(), std::byte{0}, stream_));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const cuda::Graph graph, cuda::Graph::Capture(stream_, [this] {
                                 CHIMERA_RETURN_IF_ERROR(CopyInput());
                                 CHIMERA_RETURN_IF_ERROR(LaunchKernel());
                                 return CopyOutput();
                               }));
  for (const int launches : {1, 2, 3}) {
    CHIMERA_ASSERT_OK(graph.Launch(stream_));
    CHIMERA_ASSERT_OK(stream_.Synchronize());
    EXPECT_THAT(output_.span(), ElementsAreArray(Sums(launches)));
  }
}

struct GreedyKernel {
  struct Arguments {};
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;
  static CHIMERA_DEVICE void Run(const Arguments&) {}
};

TEST_F(LaunchTest, WhatADeviceRefusesIsRefusedAtOnce) {
  EXPECT_THAT(Launch<GreedyKernel>(stream_, {{1, 1, 1}, kMaxSharedBytes + 1}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("shared_bytes is 166913")));
  CHIMERA_EXPECT_OK(stream_.Synchronize()) << "the device is not lost by it";
}

}  // namespace
}  // namespace chimera
