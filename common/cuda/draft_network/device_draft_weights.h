// A draft network's weights as the CUDA implementation keeps them.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_DEVICE_DRAFT_WEIGHTS_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_DEVICE_DRAFT_WEIGHTS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/backend/draft_network.h"
#include "common/base/thread_pool.h"
#include "common/cuda/backend/weight_uploader.h"
#include "common/cuda/runtime/device_memory.h"

namespace chimera {

// All products in bf16, whatever the file has, and norms in fp32. Constant once loaded. Sizes are
// those of DraftWeights.
struct DeviceDraftWeights {
  // Loads onto the calling thread's device, converting on all threads of `threads`. `model` is not
  // used afterwards. Errors: device_error.h.
  static absl::StatusOr<DeviceDraftWeights> Load(const DraftNetworkModel& model,
                                                 ThreadPool* threads);

  // [vocab_size, D] bf16: the target's embeddings, each divided by its root mean square.
  cuda::DeviceBuffer<uint16_t> token_embedding;
  DeviceLinear trigram_w1;
  DeviceLinear trigram_w2;
  cuda::DeviceBuffer<float> ones;  // [D] the norm of tapped hidden states, whose weights are in
  DeviceLinear fusion;             // this
  cuda::DeviceBuffer<float> token_norm;    // [D]
  cuda::DeviceBuffer<float> feature_norm;  // [D]
  DeviceLinear input;
  cuda::DeviceBuffer<float> attention_norm;  // [D]
  DeviceLinear query_key_value;              // outputs: query, key, value
  cuda::DeviceBuffer<float> rope_table;      // [position_limit, head_dim / 2, 2]
  DeviceLinear attention_output;
  cuda::DeviceBuffer<float> ffn_norm;  // [D]
  DeviceLinear ffn_gate_up;            // outputs: all gates, all ups
  DeviceLinear ffn_down;
  DeviceLinear residual;                // W_r of all heads
  cuda::DeviceBuffer<float> head_norm;  // [D]
  DeviceLinear head;                    // E, and zeros to a multiple of 16 rows
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_DEVICE_DRAFT_WEIGHTS_H_
