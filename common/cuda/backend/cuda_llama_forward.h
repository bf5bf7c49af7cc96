// The forward pass of a LLaMA model on a CUDA device, up to the hidden states.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_CUDA_LLAMA_FORWARD_H_
#define CHIMERA_COMMON_CUDA_BACKEND_CUDA_LLAMA_FORWARD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/cuda/backend/device_kv_pool.h"
#include "common/cuda/backend/device_llama_weights.h"
#include "common/cuda/backend/launch_graphs.h"
#include "common/cuda/backend/linear_runner.h"
#include "common/cuda/backend/step_tables.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/stream.h"
#include "common/model/llama_config.h"

namespace chimera {

// Gives steps to a stream. Holds the memory of the rows under way; results do not depend on earlier
// steps. What Create is given must outlive it. One thread at a time. Errors: device_error.h.
class CudaLlamaForward {
 public:
  struct Model {
    const LlamaConfig* config;
    const DeviceLlamaWeights* weights;
    LinearRunner* linears;
  };

  // On the calling thread's device, which `device` describes. A page_count of 0 is not known yet.
  static absl::StatusOr<CudaLlamaForward> Create(const Model& model, const BackendLimits& limits,
                                                 const cuda::DeviceInfo& device);

  // Gives all layers of a step to the stream; a step without rows is computed as one of padding.
  // `step` is not used afterwards. REQUIRES: the work of the step before is done; `pool` is the
  // same in every call.
  absl::Status Run(const StagedStep& step, DeviceKvPool* pool, cuda::Stream& stream);

  // Of all launches but those that follow a copy.
  LaunchOrder order() const { return order_; }

  // After the step's last layer and the final norm: [rows, hidden_size] bf16.
  const uint16_t* normed() const { return normed_.span().device_pointer(); }

  // The rows of the last step whose hidden states are wanted, and these, in this order:
  // [rows, tapped layers, hidden_size] bf16.
  const std::vector<int32_t>& hidden_rows() const { return tables_.hidden_rows(); }
  cuda::DeviceSpan<const uint16_t> hidden_states() const { return hidden_.span(); }

 private:
  CudaLlamaForward(const Model& model, StepTables tables, LaunchOrder order, int attention_blocks);

  absl::Status Allocate(const BackendLimits& limits, int partial_rows);
  void SetTaps(std::span<const int32_t> layers);

  // Each gives launches for `row_count` rows, padding included.
  absl::Status LaunchAll(int row_count, DeviceKvPool* pool, cuda::Stream& stream);
  absl::Status LaunchAttention(int layer, int row_count, DeviceKvPool* pool, cuda::Stream& stream);
  absl::Status LaunchFeedForward(int layer, int row_count, cuda::Stream& stream);
  // partials_ = x [row_count, input_size] times the weights.
  absl::Status LaunchProduct(const DeviceLinear& linear, cuda::DeviceSpan<const uint16_t> x,
                             int row_count, cuda::Stream& stream);
  // Adds `product`, which partials_ are of, to the residual stream unless it is null; then
  // normed_.
  absl::Status LaunchNorm(const cuda::DeviceBuffer<float>& norm, const DeviceLinear* product,
                          int row_count, cuda::Stream& stream);
  // The residual stream after `layer` layers, if they are tapped.
  absl::Status LaunchTap(int layer, int row_count, cuda::Stream& stream);

  const LlamaConfig& config_;
  const DeviceLlamaWeights& weights_;
  LinearRunner& linears_;
  LaunchOrder order_;
  int attention_blocks_;
  int max_rows_ = 0;
  StepTables tables_;
  std::vector<int32_t> taps_;
  LaunchGraphs graphs_;  // of these taps

  // Inputs of products have the rows that linears_ pads to.
  cuda::DeviceBuffer<float> residual_;     // [max_rows_, hidden_size]
  cuda::DeviceBuffer<uint16_t> normed_;    // [padded, hidden_size]
  cuda::DeviceBuffer<float> partials_;     // of the largest product
  cuda::DeviceBuffer<uint16_t> queries_;   // [max_rows_, query_size]
  cuda::DeviceBuffer<uint16_t> attended_;  // [padded, query_size]
  cuda::DeviceBuffer<float> attention_workspace_;
  cuda::DeviceBuffer<uint16_t> gated_;   // [padded, ffn_size]
  cuda::DeviceBuffer<uint16_t> hidden_;  // [max_rows_, tapped layers, hidden_size], for any taps
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_CUDA_LLAMA_FORWARD_H_
