#include "common/cuda/backend/launch_graphs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;

class LaunchGraphsTest : public ::testing::Test {
 protected:
  // What is launched copies the input to the output. Its first run is as one that loads code.
  absl::Status Launch(int bucket) {
    return graphs_.Launch(bucket, stream_, [&]() -> absl::Status {
      if (run_count_++ == 0) {
        CHIMERA_RETURN_IF_ERROR(cuda::DeviceMemory::Allocate(1).status());
        CHIMERA_RETURN_IF_ERROR(stream_.Synchronize());
      }
      CHIMERA_RETURN_IF_ERROR(error_);
      if (failing_runs_.contains(run_count_)) return absl::InternalError("not while capturing");
      return cuda::CopyToDevice<int>(output_.span(), input_.span(), stream_);
    });
  }

  // Whether a step of so many rows does what is launched.
  bool StepCopies(int bucket) {
    ++input_.span()[0];
    result_.span()[0] = 0;
    CHIMERA_EXPECT_OK(Launch(bucket));
    CHIMERA_EXPECT_OK(cuda::CopyToHost<int>(result_.span(), output_.span(), stream_));
    CHIMERA_EXPECT_OK(stream_.Synchronize());
    return result_.span()[0] == input_.span()[0];
  }

  const cuda::ScopedEmulatedComputer computer_;
  cuda::PinnedBuffer<int> input_ = *cuda::PinnedBuffer<int>::Allocate(1);
  cuda::PinnedBuffer<int> result_ = *cuda::PinnedBuffer<int>::Allocate(1);
  cuda::DeviceBuffer<int> output_ = *cuda::DeviceBuffer<int>::Allocate(1);
  LaunchGraphs graphs_;
  cuda::Stream stream_ = *cuda::Stream::Create();
  int run_count_ = 0;           // of what is launched
  std::set<int> failing_runs_;  // those that fail
  absl::Status error_;
};

// The emulated runtime ends the process where a capture allocates or waits.
TEST_F(LaunchGraphsTest, TheFirstLaunchIsNotCaptured) {
  EXPECT_TRUE(StepCopies(4));
  EXPECT_EQ(run_count_, 1);
}

TEST_F(LaunchGraphsTest, TheSecondIsAndLaterOnesLaunchTheGraph) {
  for (int step = 1; step <= 4; ++step) {
    EXPECT_TRUE(StepCopies(4)) << step;
    EXPECT_EQ(run_count_, std::min(step, 2)) << step;
  }
}

TEST_F(LaunchGraphsTest, BucketsHaveGraphsOfTheirOwn) {
  for (const int bucket : {1, 2, 1, 2}) EXPECT_TRUE(StepCopies(bucket));
  EXPECT_EQ(run_count_, 4);
  for (const int bucket : {1, 2}) EXPECT_TRUE(StepCopies(bucket));
  EXPECT_EQ(run_count_, 4);
}

TEST_F(LaunchGraphsTest, ManyRowsAreNeverCaptured) {
  for (int step = 1; step <= 3; ++step) {
    EXPECT_TRUE(StepCopies(kMaxGraphRows + 1));
    EXPECT_EQ(run_count_, step);
  }
}

TEST_F(LaunchGraphsTest, WhatHasFailedIsLaunchedAgain) {
  error_ = absl::InternalError("no code");
  EXPECT_THAT(Launch(4), StatusIs(absl::StatusCode::kInternal, "no code"));
  error_ = absl::OkStatus();
  run_count_ = 0;  // the code is still to be loaded
  EXPECT_TRUE(StepCopies(4));
  EXPECT_EQ(run_count_, 1);
}

TEST_F(LaunchGraphsTest, AFailedCaptureCostsNoStepAndIsTriedAgain) {
  failing_runs_ = {2};
  for (int step = 1; step <= 4; ++step) EXPECT_TRUE(StepCopies(4)) << step;
  EXPECT_EQ(run_count_, 4);  // once, twice in the second step, and captured in the third
}

TEST_F(LaunchGraphsTest, WhatCannotBeCapturedIsLaunchedEveryTime) {
  for (int i = 0; i < kMostFailedCaptures; ++i) failing_runs_.insert(2 + 2 * i);
  for (int step = 1; step <= 6; ++step) EXPECT_TRUE(StepCopies(4)) << step;
  EXPECT_EQ(run_count_, 6 + kMostFailedCaptures);
}

TEST_F(LaunchGraphsTest, ClearedGraphsAreForgotten) {
  for (int step = 0; step < 3; ++step) EXPECT_TRUE(StepCopies(4));
  graphs_.Clear();
  run_count_ = 0;
  EXPECT_TRUE(StepCopies(4));
  EXPECT_EQ(run_count_, 1);
}

TEST(RowBucketTest, IsTheNextPowerOfTwoOfFewRows) {
  EXPECT_EQ(RowBucket(0), 1);
  EXPECT_EQ(RowBucket(1), 1);
  EXPECT_EQ(RowBucket(5), 8);
  EXPECT_EQ(RowBucket(64), 64);
  EXPECT_EQ(RowBucket(65), 65);
}

}  // namespace
}  // namespace chimera
