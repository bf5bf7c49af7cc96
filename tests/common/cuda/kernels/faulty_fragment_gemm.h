// Plainer kernels for fragment_gemm.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_FRAGMENT_GEMM_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_FRAGMENT_GEMM_H_

#include "absl/status/status.h"
#include "common/cuda/kernels/fragment_gemm.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// Correct, as the others would be without their faults.
absl::Status LaunchFaultlessFragmentGemm(StreamView stream, const FragmentGemmArguments& arguments);

// Does not split k where there are more than 16 rows: the first partial sum is all of it, the
// others are 0.
absl::Status LaunchFragmentGemmSplitByRowCount(StreamView stream,
                                               const FragmentGemmArguments& arguments);

// Takes k in descending order within splits where there are 33 to 64 rows, as one tile of the
// kernel would.
absl::Status LaunchFragmentGemmDescendingInOneTile(StreamView stream,
                                                   const FragmentGemmArguments& arguments);

// Adds up the splits in descending order where it adds them up.
absl::Status LaunchFragmentGemmSummedBackwards(StreamView stream,
                                               const FragmentGemmArguments& arguments);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_FRAGMENT_GEMM_H_
