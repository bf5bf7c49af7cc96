#include "common/cuda/backend/cuda_output_head.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/kernels/gather_rows.h"
#include "common/cuda/runtime/copy.h"

namespace chimera {

absl::StatusOr<CudaOutputHead> CudaOutputHead::Create(const Model& model, int max_step_rows,
                                                      LaunchOrder order) {
  CudaOutputHead head(model, order);
  CHIMERA_RETURN_IF_ERROR(head.Allocate(max_step_rows));
  return head;
}

absl::Status CudaOutputHead::Allocate(int max_step_rows) {
  const auto allocate = [](int64_t size, auto* buffer) -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(*buffer, std::decay_t<decltype(*buffer)>::Allocate(size));
    return absl::OkStatus();
  };
  const int64_t padded_rows = int64_t{max_step_rows} + kMaxRows;
  CHIMERA_RETURN_IF_ERROR(allocate(padded_rows, &host_indices_));
  CHIMERA_RETURN_IF_ERROR(allocate(padded_rows, &host_sampling_));
  CHIMERA_RETURN_IF_ERROR(allocate(padded_rows, &host_tokens_));
  CHIMERA_RETURN_IF_ERROR(allocate(kMaxRows, &indices_));
  CHIMERA_RETURN_IF_ERROR(allocate(kMaxRows, &sampling_));
  CHIMERA_RETURN_IF_ERROR(allocate(kMaxRows, &tokens_));
  const DeviceLinear& output = *model_.output;
  const int64_t vocab_size = model_.config->vocab_size;
  const int64_t input_rows = model_.linears->PaddedRows(kMaxRows);
  CHIMERA_RETURN_IF_ERROR(allocate(input_rows * output.input_size, &input_));
  CHIMERA_RETURN_IF_ERROR(allocate(model_.linears->OutputElements(output, kMaxRows), &partials_));
  CHIMERA_RETURN_IF_ERROR(allocate(kMaxRows * vocab_size, &logits_));
  return allocate(
      static_cast<int64_t>(SampleRowsWorkspaceBytes(kMaxRows, model_.config->vocab_size)),
      &workspace_);
}

absl::Status CudaOutputHead::Stage(const StagedStep& step) {
  sampled_rows_.clear();
  wants_logits_.clear();
  copies_logits_ = false;
  for (size_t i = 0; i < step.rows.size(); ++i) {
    const StagedRow& row = step.rows[i];
    if (!row.is_sampled) continue;
    const SequenceStep& sequence = step.sequence_of(row);
    const size_t index = sampled_rows_.size();
    host_indices_.span()[index] = static_cast<int32_t>(i);
    host_sampling_.span()[index] = {.params = sequence.sampling,
                                    .position = int64_t{row.position} + 1};
    sampled_rows_.push_back(static_cast<int32_t>(i));
    wants_logits_.push_back(sequence.outputs.logits);
    copies_logits_ |= sequence.outputs.logits;
  }
  // Padding of the last rows.
  const size_t count = sampled_rows_.size();
  std::ranges::fill(host_indices_.span().subspan(count, kMaxRows), -1);
  std::ranges::fill(host_sampling_.span().subspan(count, kMaxRows), SamplingRow{});
  const size_t elements = count * model_.config->vocab_size;
  if (!copies_logits_ || host_logits_.size() >= elements) return absl::OkStatus();
  host_logits_ = {};
  CHIMERA_ASSIGN_OR_RETURN(host_logits_, cuda::PinnedBuffer<float>::Allocate(elements));
  return absl::OkStatus();
}

absl::Status CudaOutputHead::Run(const StagedStep& step, cuda::Stream& stream) {
  CHIMERA_RETURN_IF_ERROR(Stage(step));
  for (size_t first = 0; first < sampled_rows_.size(); first += kMaxRows) {
    CHIMERA_RETURN_IF_ERROR(
        RunRows(first, std::min<size_t>(kMaxRows, sampled_rows_.size() - first), stream));
  }
  return absl::OkStatus();
}

absl::Status CudaOutputHead::RunRows(size_t first, size_t count, cuda::Stream& stream) {
  const int row_count = RowBucket(static_cast<int>(count));
  CHIMERA_RETURN_IF_ERROR(
      cuda::CopyToDevice<int32_t>(indices_.span().subspan(0, row_count),
                                  host_indices_.span().subspan(first, row_count), stream));
  CHIMERA_RETURN_IF_ERROR(
      cuda::CopyToDevice<SamplingRow>(sampling_.span().subspan(0, row_count),
                                      host_sampling_.span().subspan(first, row_count), stream));
  CHIMERA_RETURN_IF_ERROR(
      graphs_.Launch(row_count, stream, [&] { return LaunchRows(row_count, stream); }));
  CHIMERA_RETURN_IF_ERROR(cuda::CopyToHost<int32_t>(host_tokens_.span().subspan(first, count),
                                                    tokens_.span().subspan(0, count), stream));
  if (!copies_logits_) return absl::OkStatus();
  const size_t vocab_size = model_.config->vocab_size;
  return cuda::CopyToHost<float>(
      host_logits_.span().subspan(first * vocab_size, count * vocab_size),
      logits_.span().subspan(0, count * vocab_size), stream);
}

absl::Status CudaOutputHead::LaunchRows(int row_count, cuda::Stream& stream) {
  const DeviceLinear& output = *model_.output;
  // The indices are copied before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(LaunchGatherRows(stream, {.row_count = row_count,
                                                    .size = output.input_size,
                                                    .input = model_.normed,
                                                    .indices = indices_.span().device_pointer(),
                                                    .output = input_.span().device_pointer()}));
  CHIMERA_RETURN_IF_ERROR(model_.linears->Run(
      output, {.row_count = row_count, .input = input_.span(), .output = partials_.span()}, stream,
      order_));
  return LaunchSampleRows(stream,
                          {.row_count = row_count,
                           .vocab_size = model_.config->vocab_size,
                           .split_count = model_.linears->SplitCount(output, row_count),
                           .partials = partials_.span().device_pointer(),
                           .rows = sampling_.span().device_pointer(),
                           .logits = logits_.span().device_pointer(),
                           .tokens = tokens_.span().device_pointer(),
                           .workspace = workspace_.span().device_pointer(),
                           .partial_size = output.output_size},
                          order_);
}

void CudaOutputHead::TakeResults(const StagedStep& step, StepResult* result) const {
  result->chosen.assign(step.rows.size(), -1);
  result->logits.clear();
  result->logits_row.clear();
  if (copies_logits_) result->logits_row.assign(step.rows.size(), -1);
  const size_t vocab_size = model_.config->vocab_size;
  for (size_t i = 0; i < sampled_rows_.size(); ++i) {
    const int32_t row = sampled_rows_[i];
    result->chosen[row] = host_tokens_.span()[i];
    if (!wants_logits_[i]) continue;
    result->logits_row[row] = static_cast<int32_t>(result->logits.size() / vocab_size);
    const auto logits = host_logits_.span().subspan(i * vocab_size, vocab_size);
    result->logits.insert(result->logits.end(), logits.begin(), logits.end());
  }
}

}  // namespace chimera
