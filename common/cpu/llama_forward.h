// The forward pass of a LLaMA model on the CPU.

#ifndef CHIMERA_COMMON_CPU_LLAMA_FORWARD_H_
#define CHIMERA_COMMON_CPU_LLAMA_FORWARD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/backend/staged_step.h"
#include "common/base/thread_pool.h"
#include "common/cpu/activations.h"
#include "common/cpu/attention_layer.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/kv_cache.h"
#include "common/cpu/output_head.h"
#include "common/cpu/packed_llama_weights.h"
#include "common/model/llama_config.h"

namespace chimera {

// Computes steps, with the bits of common/ops/llama_forward_reference.h. Holds the memory of the
// rows under way, which grows to the largest step seen; results do not depend on earlier calls. The
// constructor's arguments must outlive it.
class LlamaForward {
 public:
  // `position_limit` bounds the positions of all rows.
  LlamaForward(const LlamaConfig& config, const PackedLlamaWeights& weights,
               const CpuKernels& kernels, int64_t position_limit, ThreadPool* pool);

  // Runs all rows through all layers, reads and writes `cache`, and fills all of `result` but
  // first_row.
  void Run(const StagedStep& step, KvCache* cache, StepResult* result);

 private:
  int64_t row_count() const { return static_cast<int64_t>(step_->rows.size()); }
  std::span<float> state(int64_t row) {
    return std::span(states_).subspan(row * config_.hidden_size, config_.hidden_size);
  }

  // A range of the step's rows.
  struct Rows {
    int64_t begin = 0;
    int64_t count = 0;
  };

  // Rows that go through a feed-forward network together: their gates are read again from a cache.
  static constexpr int64_t kFeedForwardRows = 64;

  void EmbedTokens();
  void RunAttention(int layer, KvCache* cache);
  void RunFeedForward(int layer);

  // Writes the norm of the residual stream to activations_, for `reader`, the next product.
  void Normalize(const Rows& rows, const std::vector<float>& norm, const PackedLinear& reader);

  // products_ [rows of the input, weights.output_size()] = weights * input.
  void Multiply(const PackedLinear& weights, const Activations& input);

  // Adds the last product to the residual stream.
  void AddProducts(const Rows& rows);

  // Features [first, first + count) of the feed-forward network's gate and up products, of
  // activations_, and what becomes of them: gated_. Any thread.
  void Gate(const PackedLlamaLayer& weights, int64_t first, int64_t count);

  // Copies the residual stream to the result if `layer` is tapped.
  void Tap(int layer, StepResult* result);

  const LlamaConfig& config_;
  const PackedLlamaWeights& weights_;
  const CpuKernels& kernels_;
  ThreadPool* const pool_;
  AttentionLayer attention_;
  OutputHead output_head_;

  const StagedStep* step_ = nullptr;  // while Run is running
  std::vector<float> states_;         // [n_rows, hidden_size], the residual stream
  std::vector<float> products_;       // [rows of the last product, its width]
  Activations activations_;           // input of the next product
  Activations gated_;                 // input of the feed-forward network's last product
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_LLAMA_FORWARD_H_
