// The layers of a draft network on a CUDA device.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_LAYERS_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_LAYERS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/backend/launch_graphs.h"
#include "common/cuda/draft_network/device_draft_weights.h"
#include "common/cuda/draft_network/draft_tables.h"
#include "common/cuda/kernels/add_norm.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/stream.h"
#include "common/model/draft_network_config.h"

namespace chimera {

// Gives launches to a stream, each call those of at most kMaxRows rows, padding included, whose
// tables the stream has copied before. Rows do not depend on each other. What Create is given must
// outlive it. One thread at a time. Errors: device_error.h.
class CudaDraftLayers {
 public:
  static constexpr int kMaxRows = 256;

  struct Model {
    const DraftNetworkConfig* config;
    const DeviceDraftWeights* weights;
  };

  // On the calling thread's device, which `device` describes, for the slots of `max_contexts`
  // contexts.
  static absl::StatusOr<CudaDraftLayers> Create(const Model& model, int32_t max_contexts,
                                                const cuda::DeviceInfo& device);

  // Where the tapped hidden states of context rows are to be: [kMaxRows, n_tapped, hidden_size]
  // bf16.
  cuda::DeviceSpan<uint16_t> states() { return states_.span(); }

  // Stores the keys and values of context rows, and of their context's newest rows z and features.
  absl::Status EncodeContexts(int row_count, const ContextTables& tables, cuda::Stream& stream);

  // The residuals of the newest features of the last EncodeContexts, to rows of all heads that
  // `slots` [row_count] names; -1: padding.
  absl::Status ProjectFeatures(int row_count, const int32_t* slots, cuda::Stream& stream);

  // Makes room for so many rows of encodings and as many nodes; what is there stays. Waits for the
  // stream where there is not enough.
  absl::Status ReserveNodes(int64_t count, cuda::Stream& stream);

  // Encode rows and, unless there are several heads, score them.
  absl::Status EncodeRoots(int row_count, const TreeTables& tables, cuda::Stream& stream);
  absl::Status EncodeNodes(int row_count, const TreeTables& tables, cuda::Stream& stream);

  // Scores encodings.
  absl::Status ScoreHeads(int row_count, const HeadTables& tables, cuda::Stream& stream);

  // Of the rows that were scored last: [rows, logits_stride()].
  cuda::DeviceSpan<const float> logits() const { return logits_.span(); }
  int64_t logits_stride() const { return weights_.head.output_size; }

 private:
  // A linear layer, or some of its outputs.
  struct Product {
    int output_size;
    int input_size;
    const uint16_t* weights;
  };

  CudaDraftLayers(const Model& model, LaunchOrder order);

  absl::Status Allocate(int32_t max_contexts);

  static Product ProductOf(const DeviceLinear& linear);
  // Of query_key_value, the keys and values.
  Product KeyValue() const;

  absl::Status LaunchContexts(int row_count, const ContextTables& tables, cuda::Stream& stream);
  absl::Status LaunchProjection(int row_count, const int32_t* slots, cuda::Stream& stream);
  absl::Status LaunchRoots(int row_count, const TreeTables& tables, cuda::Stream& stream);
  absl::Status LaunchNodes(int row_count, const TreeTables& tables, cuda::Stream& stream);
  absl::Status LaunchHeads(int row_count, const HeadTables& tables, cuda::Stream& stream);

  // The normed trigram encodings, to the first half of mixed_.
  absl::Status LaunchTrigrams(int row_count, const int32_t* tokens, cuda::Stream& stream);
  // From z_ and normed_ to encodings_ and the head's input normed_.
  absl::Status LaunchEncoder(int row_count, const TreeTables& tables, cuda::Stream& stream);
  absl::Status LaunchAttention(int row_count, const TreeTables& tables, cuda::Stream& stream);
  // From normed_ to logits_.
  absl::Status LaunchScores(int row_count, cuda::Stream& stream);
  // partials_ = input [row_count, input_size] times the weights.
  absl::Status LaunchProduct(const Product& product, const uint16_t* input, int row_count,
                             cuda::Stream& stream);
  // The sum of `product`, which partials_ are of, and what `arguments` say, normalised. Fills in
  // what is alike in all such launches.
  absl::Status LaunchNorm(const Product& product, AddNormArguments arguments, cuda::Stream& stream);
  // How partials_ are split.
  static int Splits(const Product& product, int row_count);

  const DraftNetworkConfig& config_;
  const DeviceDraftWeights& weights_;
  LaunchOrder order_;
  LaunchGraphs context_graphs_, projection_graphs_;
  LaunchGraphs root_graphs_, node_graphs_, head_graphs_;  // of this memory of nodes

  // Of the rows under way, [kMaxRows, ...].
  cuda::DeviceBuffer<uint16_t> states_;          // [n_tapped, hidden_size]
  cuda::DeviceBuffer<uint16_t> normed_states_;   // likewise
  cuda::DeviceBuffer<float> features_;           // [hidden_size]
  cuda::DeviceBuffer<uint16_t> newest_;          // [hidden_size] features of newest rows
  cuda::DeviceBuffer<uint16_t> trigram_inputs_;  // [trigram_order, hidden_size]
  cuda::DeviceBuffer<uint16_t> trigram_hidden_;  // [trigram_hidden_size]
  cuda::DeviceBuffer<uint16_t> mixed_;           // [2 hidden_size] normed trigrams and features
  cuda::DeviceBuffer<float> z_;                  // [hidden_size], then the residual stream
  cuda::DeviceBuffer<uint16_t> normed_;          // [hidden_size]
  cuda::DeviceBuffer<uint16_t> queries_;         // [query_size]
  cuda::DeviceBuffer<uint16_t> attended_;        // [query_size]
  cuda::DeviceBuffer<uint16_t> gated_;           // [ffn_size]
  cuda::DeviceBuffer<float> logits_;             // [logits_stride()]
  cuda::DeviceBuffer<float> partials_;           // of the largest product

  // Of contexts, by slot.
  cuda::DeviceBuffer<uint16_t> window_keys_;    // [max_contexts, ring pages, kv_head, 16, head_dim]
  cuda::DeviceBuffer<uint16_t> window_values_;  // likewise
  cuda::DeviceBuffer<float> context_z_;         // [max_contexts, hidden_size] of newest rows
  cuda::DeviceBuffer<float> residuals_;         // [max_contexts, depth_heads, hidden_size]

  // Of the trees under way.
  int64_t node_capacity_ = 0;
  cuda::DeviceBuffer<uint16_t> node_keys_;    // [node_capacity_ / 16, kv_head, 16, head_dim]
  cuda::DeviceBuffer<uint16_t> node_values_;  // likewise
  cuda::DeviceBuffer<float> encodings_;       // [node_capacity_, hidden_size]
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_CUDA_DRAFT_LAYERS_H_
