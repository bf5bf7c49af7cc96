#include "common/cpu/output_head.h"

#include <algorithm>

#include "common/base/grow_to.h"

namespace chimera {

OutputHead::OutputHead(const LlamaConfig& config, const PackedLlamaWeights& weights,
                       const CpuKernels& kernels, ThreadPool* pool)
    : config_(config),
      weights_(weights),
      kernels_(kernels),
      pool_(pool),
      samplers_(pool->thread_count()) {}

void OutputHead::Run(const StagedStep& step, std::span<const float> states, StepResult* result) {
  result->chosen.assign(step.rows.size(), -1);
  result->logits.clear();
  result->logits_row.clear();
  sampled_rows_.clear();
  bool has_logits = false;
  for (size_t row = 0; row < step.rows.size(); ++row) {
    if (!step.rows[row].is_sampled) continue;
    sampled_rows_.push_back(static_cast<int64_t>(row));
    has_logits |= step.sequence_of(step.rows[row]).outputs.logits;
  }
  if (has_logits) result->logits_row.assign(step.rows.size(), -1);

  const std::span<const int64_t> rows(sampled_rows_);
  for (size_t begin = 0; begin < rows.size(); begin += kMaxRows) {
    RunRows(step, rows.subspan(begin, std::min<size_t>(kMaxRows, rows.size() - begin)), states,
            result);
  }
}

void OutputHead::RunRows(const StagedStep& step, std::span<const int64_t> rows,
                         std::span<const float> states, StepResult* result) {
  const int64_t count = static_cast<int64_t>(rows.size());
  activations_.Reset(count, config_.hidden_size);
  pool_->ParallelFor(count, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      kernels_.rms_norm(states.data() + rows[i] * config_.hidden_size, weights_.output_norm.data(),
                        config_.hidden_size, config_.rms_norm_epsilon, activations_.row(i));
      if (weights_.output->reads_quantized()) activations_.QuantizeRow(kernels_, i);
    }
  });
  weights_.output->Multiply(kernels_, activations_.View(), pool_,
                            GrowTo(count * config_.vocab_size, &logits_));
  pool_->ParallelFor(count, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      const StagedRow& row = step.rows[rows[i]];
      result->chosen[rows[i]] = samplers_[thread].Sample(logits(i), step.sequence_of(row).sampling,
                                                         int64_t{row.position} + 1);
    }
  });
  CopyLogits(step, rows, result);
}

void OutputHead::CopyLogits(const StagedStep& step, std::span<const int64_t> rows,
                            StepResult* result) const {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!step.sequence_of(step.rows[rows[i]]).outputs.logits) continue;
    result->logits_row[rows[i]] = static_cast<int32_t>(result->logits.size() / config_.vocab_size);
    const std::span<const float> row = logits(static_cast<int64_t>(i));
    result->logits.insert(result->logits.end(), row.begin(), row.end());
  }
}

}  // namespace chimera
