// Plainer kernels for sample_rows.h, with and without the faults that its test must catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SAMPLE_ROWS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SAMPLE_ROWS_H_

#include "absl/status/status.h"
#include "common/cuda/kernels/sample_rows.h"
#include "common/cuda/stream_view.h"

namespace chimera::testing {

// Correct, as the others would be without their faults.
absl::Status LaunchFaultlessSampleRows(StreamView stream, const SampleRowsArguments& arguments);

// Equal logits rank by descending id.
absl::Status LaunchSampleRowsWithTiesToHighestId(StreamView stream,
                                                 const SampleRowsArguments& arguments);

// Adds up the weights for top-p in fp32.
absl::Status LaunchSampleRowsWithFloatWeights(StreamView stream,
                                              const SampleRowsArguments& arguments);

// Keeps all of the tokens that are equal to the last that top-k keeps.
absl::Status LaunchSampleRowsWithAllTiesOfTopK(StreamView stream,
                                               const SampleRowsArguments& arguments);

// Takes the noise of a position that depends on the row's place.
absl::Status LaunchSampleRowsWithNoiseOfPlace(StreamView stream,
                                              const SampleRowsArguments& arguments);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SAMPLE_ROWS_H_
