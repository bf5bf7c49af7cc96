// A LLaMA model's weights as the CUDA backend keeps them.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_DEVICE_LLAMA_WEIGHTS_H_
#define CHIMERA_COMMON_CUDA_BACKEND_DEVICE_LLAMA_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/thread_pool.h"
#include "common/cuda/backend/weight_uploader.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"

namespace chimera {

struct DeviceLlamaLayer {
  cuda::DeviceBuffer<float> attention_norm;  // [hidden_size]
  DeviceLinear query_key_value;              // outputs: query, key, value
  DeviceLinear attention_output;
  cuda::DeviceBuffer<float> ffn_norm;  // [hidden_size]
  DeviceLinear ffn_gate_up;            // outputs: all gates, all ups
  DeviceLinear ffn_down;
};

// All products in bf16, whatever the file has, and norms in fp32. Constant once loaded.
struct DeviceLlamaWeights {
  // Loads onto the calling thread's device, converting on all threads of `threads`. `weights` is
  // not used afterwards. Errors: device_error.h; RESOURCE_EXHAUSTED says what the weights need.
  static absl::StatusOr<DeviceLlamaWeights> Load(const LlamaConfig& config,
                                                 const LlamaWeights& weights, WeightOrder order,
                                                 ThreadPool* threads);

  // All linear layers, valid while this is not moved.
  std::vector<const DeviceLinear*> linears() const;

  cuda::DeviceBuffer<uint16_t> token_embedding;  // [vocab_size, hidden_size] bf16
  std::vector<DeviceLlamaLayer> layers;
  cuda::DeviceBuffer<float> rope_table;   // [context_length, head_dim / 2, 2]: cosines, sines
  cuda::DeviceBuffer<float> output_norm;  // [hidden_size]
  DeviceLinear output;                    // vocab_size rows, and zeros to a multiple of 16
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_DEVICE_LLAMA_WEIGHTS_H_
