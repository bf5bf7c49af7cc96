// Plainer kernels for rms_norm.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_RMS_NORM_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_RMS_NORM_H_

#include "absl/status/status.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// Correct, as the others would be without their faults. Takes the first split only.
absl::Status LaunchFaultlessRmsNorm(StreamView stream, const RmsNormArguments<float>& arguments);

// Does not wait for the other warps' sums.
absl::Status LaunchRmsNormWithoutBarrier(StreamView stream,
                                         const RmsNormArguments<float>& arguments);

// Shares a row out over fewer threads when there are many rows.
absl::Status LaunchRmsNormByRowCount(StreamView stream, const RmsNormArguments<float>& arguments);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_RMS_NORM_H_
