// The choice of a token for each row of logits: SharedNoiseSampler on the device.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"
#include "common/sampling/sampling_params.h"

namespace chimera {

// How the token of one row is chosen. The default is greedy: for padding rows.
struct SamplingRow {
  SamplingParams params;  // valid, as ValidateSamplingParams() says
  int64_t position = 0;   // absolute, of the token being chosen; not negative
};

// All pointers are to device memory, aligned to 16 bytes.
struct SampleRowsArguments {
  int row_count = 0;                  // 1 to 65 535
  int vocab_size = 0;                 // at least 1; a multiple of 4 is read faster
  int split_count = 0;                // at least 1
  const float* partials = nullptr;    // [split_count, row_count, partial_size], or vocab_size
  const SamplingRow* rows = nullptr;  // [row_count]
  // [row_count, vocab_size], written; may be partials of one split and of vocab_size
  float* logits = nullptr;
  int32_t* tokens = nullptr;  // [row_count], written
  // SampleRowsWorkspaceBytes(row_count, vocab_size), or more. What it holds before does not matter.
  void* workspace = nullptr;
  // Elements of a row of partials, which has padding after the vocabulary: a multiple of 4, at
  // least vocab_size. 0: there is none.
  int partial_size = 0;
};

// Grows with both.
size_t SampleRowsWorkspaceBytes(int row_count, int vocab_size);

// For each row, logits = 0 + partials[0] + partials[1] + ..., in this order, each sum rounded; and
// the token that SharedNoiseSampler::Sample() chooses from these logits, exactly, NaN and
// infinities included. A row depends on nothing else.
//
// Three launches, whose shapes depend on row_count and vocab_size only: a captured graph serves all
// parameters. With kOverlapsPriorLaunch the first overlaps the launch before, and so do the others.
absl::Status LaunchSampleRows(StreamView stream, const SampleRowsArguments& arguments,
                              LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SAMPLE_ROWS_H_
