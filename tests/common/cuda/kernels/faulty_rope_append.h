// Plainer kernels for rope_append.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ROPE_APPEND_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ROPE_APPEND_H_

#include "absl/status/status.h"
#include "common/cuda/kernels/rope_append.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// Correct, as the others would be without their faults.
absl::Status LaunchFaultlessRopeAppend(StreamView stream, const RopeAppendArguments& arguments,
                                       LaunchOrder order);

// Adds the splits from the last to the first when there are many rows.
absl::Status LaunchRopeAppendByRowCount(StreamView stream, const RopeAppendArguments& arguments,
                                        LaunchOrder order);

// Takes padding for slot 0.
absl::Status LaunchRopeAppendWithPadding(StreamView stream, const RopeAppendArguments& arguments,
                                         LaunchOrder order);

// Stores keys as they were before the rotation.
absl::Status LaunchRopeAppendOfPlainKeys(StreamView stream, const RopeAppendArguments& arguments,
                                         LaunchOrder order);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_ROPE_APPEND_H_
