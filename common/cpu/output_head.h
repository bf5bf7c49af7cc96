// From the last residual stream to logits and chosen tokens.

#ifndef CHIMERA_COMMON_CPU_OUTPUT_HEAD_H_
#define CHIMERA_COMMON_CPU_OUTPUT_HEAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/backend/staged_step.h"
#include "common/base/thread_pool.h"
#include "common/cpu/activations.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/packed_llama_weights.h"
#include "common/model/llama_config.h"
#include "common/sampling/shared_noise_sampler.h"

namespace chimera {

// Computes logits of the rows that are sampled, at most kMaxRows at a time so that their memory is
// bounded, and samples. Constructor arguments must outlive it.
class OutputHead {
 public:
  static constexpr int64_t kMaxRows = 64;

  OutputHead(const LlamaConfig& config, const PackedLlamaWeights& weights,
             const CpuKernels& kernels, ThreadPool* pool);

  // Fills chosen, logits and logits_row of `result` from `states` [n_rows, hidden_size], the
  // residual stream after the last layer.
  void Run(const StagedStep& step, std::span<const float> states, StepResult* result);

 private:
  // `rows` are indices of at most kMaxRows sampled rows.
  void RunRows(const StagedStep& step, std::span<const int64_t> rows, std::span<const float> states,
               StepResult* result);
  void CopyLogits(const StagedStep& step, std::span<const int64_t> rows, StepResult* result) const;

  std::span<const float> logits(int64_t index) const {
    return std::span(logits_).subspan(index * config_.vocab_size, config_.vocab_size);
  }

  const LlamaConfig& config_;
  const PackedLlamaWeights& weights_;
  const CpuKernels& kernels_;
  ThreadPool* const pool_;
  std::vector<SharedNoiseSampler> samplers_;  // [thread_count]
  std::vector<int64_t> sampled_rows_;
  Activations activations_;
  std::vector<float> logits_;  // [at most kMaxRows, vocab_size]
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_OUTPUT_HEAD_H_
