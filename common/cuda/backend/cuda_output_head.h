// From normalised hidden states to logits and chosen tokens, on a CUDA device.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_CUDA_OUTPUT_HEAD_H_
#define CHIMERA_COMMON_CUDA_BACKEND_CUDA_OUTPUT_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/staged_step.h"
#include "common/cuda/backend/launch_graphs.h"
#include "common/cuda/backend/linear_runner.h"
#include "common/cuda/backend/weight_uploader.h"
#include "common/cuda/kernels/sample_rows.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "common/model/llama_config.h"

namespace chimera {

// Computes logits of the rows that are sampled, at most kMaxRows at a time so that their memory is
// bounded, and samples. What Create is given must outlive it. One thread at a time. Errors:
// device_error.h.
class CudaOutputHead {
 public:
  static constexpr int kMaxRows = kMaxGraphRows;

  struct Model {
    const LlamaConfig* config;
    const DeviceLinear* output;
    LinearRunner* linears;
    const uint16_t* normed;  // [rows, hidden_size] bf16 on the device
  };

  // On the calling thread's device, for steps of at most `max_step_rows` rows.
  static absl::StatusOr<CudaOutputHead> Create(const Model& model, int max_step_rows,
                                               LaunchOrder order);

  // Gives the sampled rows of a step to the stream, and the copies of what was chosen. REQUIRES:
  // the copies of the step before are done.
  absl::Status Run(const StagedStep& step, cuda::Stream& stream);

  // Fills chosen, logits and logits_row from the last step. REQUIRES: its copies are done.
  void TakeResults(const StagedStep& step, StepResult* result) const;

 private:
  CudaOutputHead(const Model& model, LaunchOrder order) : model_(model), order_(order) {}

  absl::Status Allocate(int max_step_rows);
  // Lists the sampled rows of a step and how they are sampled.
  absl::Status Stage(const StagedStep& step);
  // Rows [first, first + count) of them.
  absl::Status RunRows(size_t first, size_t count, cuda::Stream& stream);
  absl::Status LaunchRows(int row_count, cuda::Stream& stream);

  Model model_;
  LaunchOrder order_;
  LaunchGraphs graphs_;
  std::vector<int32_t> sampled_rows_;  // of the step
  std::vector<bool> wants_logits_;     // for each of them
  bool copies_logits_ = false;         // whether any does

  // On the host, for all sampled rows of a step and padding.
  cuda::PinnedBuffer<int32_t> host_indices_;
  cuda::PinnedBuffer<SamplingRow> host_sampling_;
  cuda::PinnedBuffer<int32_t> host_tokens_;
  cuda::PinnedBuffer<float> host_logits_;  // [sampled rows, vocab_size], grows
  // On the device, for kMaxRows.
  cuda::DeviceBuffer<int32_t> indices_;
  cuda::DeviceBuffer<SamplingRow> sampling_;
  cuda::DeviceBuffer<uint16_t> input_;  // [kMaxRows, hidden_size]
  cuda::DeviceBuffer<float> partials_;  // [splits, kMaxRows, output_size], the vocabulary padded
  cuda::DeviceBuffer<float> logits_;    // [kMaxRows, vocab_size]
  cuda::DeviceBuffer<std::byte> workspace_;
  cuda::DeviceBuffer<int32_t> tokens_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_CUDA_OUTPUT_HEAD_H_
