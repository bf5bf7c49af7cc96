#include "common/cuda/draft_network/cuda_draft_layers.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/draft_network/buffer_pointer.h"
#include "common/cuda/draft_network/cuda_draft_context.h"
#include "common/cuda/kernels/fragment_gemm_plan.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/runtime/copy.h"

namespace chimera {
namespace {

// Rows of nodes that there is room for from the beginning.
constexpr int64_t kMinNodes = 1024;

template <typename T>
absl::Status AllocateBuffer(int64_t size, cuda::DeviceBuffer<T>* buffer) {
  CHIMERA_ASSIGN_OR_RETURN(*buffer, cuda::DeviceBuffer<T>::Allocate(size));
  return absl::OkStatus();
}

// Exchanges a buffer for a larger one with the same beginning, when the stream has come so far:
// `old` keeps the memory until then.
template <typename T>
absl::Status Enlarge(int64_t size, cuda::DeviceBuffer<T>* buffer, cuda::DeviceBuffer<T>* old,
                     cuda::Stream& stream) {
  *old = std::move(*buffer);
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(size, buffer));
  return cuda::CopyWithin<T>(buffer->span().subspan(0, old->size()), old->span(), stream);
}

}  // namespace

absl::StatusOr<CudaDraftLayers> CudaDraftLayers::Create(const Model& model, int32_t max_contexts,
                                                        const cuda::DeviceInfo& device) {
  CudaDraftLayers layers(model, device.compute_capability_major >= 9
                                    ? LaunchOrder::kOverlapsPriorLaunch
                                    : LaunchOrder::kAfterPriorLaunch);
  CHIMERA_RETURN_IF_ERROR(layers.Allocate(max_contexts));
  return layers;
}

CudaDraftLayers::CudaDraftLayers(const Model& model, LaunchOrder order)
    : config_(*model.config), weights_(*model.weights), order_(order) {}

absl::Status CudaDraftLayers::Allocate(int32_t max_contexts) {
  const int64_t size = config_.hidden_size;
  const int64_t states_size = static_cast<int64_t>(config_.tapped_layers.size()) * size;
  int64_t product_elements = 0;
  for (const Product& product :
       {ProductOf(weights_.trigram_w1), ProductOf(weights_.trigram_w2), ProductOf(weights_.fusion),
        ProductOf(weights_.input), ProductOf(weights_.query_key_value), KeyValue(),
        ProductOf(weights_.attention_output), ProductOf(weights_.ffn_gate_up),
        ProductOf(weights_.ffn_down), ProductOf(weights_.residual), ProductOf(weights_.head)}) {
    for (const int rows : {kMaxFragmentPartialRows, kMaxRows}) {
      product_elements =
          std::max(product_elements,
                   FragmentGemmOutputElements(rows, product.output_size, product.input_size));
    }
  }
  for (const auto& [row_size, buffer] :
       std::initializer_list<std::pair<int64_t, cuda::DeviceBuffer<uint16_t>*>>{
           {states_size, &states_},
           {states_size, &normed_states_},
           {size, &newest_},
           {config_.trigram_order * size, &trigram_inputs_},
           {config_.trigram_hidden_size, &trigram_hidden_},
           {2 * size, &mixed_},
           {size, &normed_},
           {config_.query_size(), &queries_},
           {config_.query_size(), &attended_},
           {config_.ffn_size, &gated_}}) {
    CHIMERA_RETURN_IF_ERROR(AllocateBuffer(kMaxRows * row_size, buffer));
  }
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(kMaxRows * size, &features_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(kMaxRows * size, &z_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(kMaxRows * logits_stride(), &logits_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(product_elements, &partials_));

  const int64_t window_positions = int64_t{CudaDraftContext::RingPages(config_)} * kPageSlots;
  const int64_t window_size = max_contexts * window_positions * config_.kv_size();
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(window_size, &window_keys_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(window_size, &window_values_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(max_contexts * size, &context_z_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(max_contexts * config_.depth_heads * size, &residuals_));

  node_capacity_ = kMinNodes;
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(node_capacity_ * config_.kv_size(), &node_keys_));
  CHIMERA_RETURN_IF_ERROR(AllocateBuffer(node_capacity_ * config_.kv_size(), &node_values_));
  return AllocateBuffer(node_capacity_ * size, &encodings_);
}

absl::Status CudaDraftLayers::ReserveNodes(int64_t count, cuda::Stream& stream) {
  if (count <= node_capacity_) return absl::OkStatus();
  // Graphs have the addresses.
  for (LaunchGraphs* graphs : {&root_graphs_, &node_graphs_, &head_graphs_}) graphs->Clear();
  const int64_t capacity =
      (std::max(count, 2 * node_capacity_) + kPageSlots - 1) / kPageSlots * kPageSlots;
  node_capacity_ = 0;  // if what follows fails
  cuda::DeviceBuffer<uint16_t> old_keys, old_values;
  cuda::DeviceBuffer<float> old_encodings;
  const auto enlarge = [&]() -> absl::Status {
    const int64_t kv_size = capacity * config_.kv_size();
    CHIMERA_RETURN_IF_ERROR(Enlarge(kv_size, &node_keys_, &old_keys, stream));
    CHIMERA_RETURN_IF_ERROR(Enlarge(kv_size, &node_values_, &old_values, stream));
    return Enlarge(capacity * config_.hidden_size, &encodings_, &old_encodings, stream);
  };
  const absl::Status enlarged = enlarge();
  // Before old memory goes, whatever came of it.
  CHIMERA_RETURN_IF_ERROR(stream.Synchronize());
  CHIMERA_RETURN_IF_ERROR(enlarged);
  node_capacity_ = capacity;
  return absl::OkStatus();
}

CudaDraftLayers::Product CudaDraftLayers::ProductOf(const DeviceLinear& linear) {
  return {linear.output_size, linear.input_size, PointerTo(linear.weights)};
}

CudaDraftLayers::Product CudaDraftLayers::KeyValue() const {
  const int64_t queries = int64_t{config_.query_size()} * config_.hidden_size;
  return {2 * config_.kv_size(), config_.hidden_size,
          PointerTo(weights_.query_key_value.weights) + queries};
}

int CudaDraftLayers::Splits(const Product& product, int row_count) {
  return FragmentGemmOutputSplits(row_count, product.output_size, product.input_size);
}

absl::Status CudaDraftLayers::EncodeContexts(int row_count, const ContextTables& tables,
                                             cuda::Stream& stream) {
  return context_graphs_.Launch(row_count, stream,
                                [&] { return LaunchContexts(row_count, tables, stream); });
}

absl::Status CudaDraftLayers::ProjectFeatures(int row_count, const int32_t* slots,
                                              cuda::Stream& stream) {
  return projection_graphs_.Launch(row_count, stream,
                                   [&] { return LaunchProjection(row_count, slots, stream); });
}

absl::Status CudaDraftLayers::EncodeRoots(int row_count, const TreeTables& tables,
                                          cuda::Stream& stream) {
  return root_graphs_.Launch(row_count, stream,
                             [&] { return LaunchRoots(row_count, tables, stream); });
}

absl::Status CudaDraftLayers::EncodeNodes(int row_count, const TreeTables& tables,
                                          cuda::Stream& stream) {
  return node_graphs_.Launch(row_count, stream,
                             [&] { return LaunchNodes(row_count, tables, stream); });
}

absl::Status CudaDraftLayers::ScoreHeads(int row_count, const HeadTables& tables,
                                         cuda::Stream& stream) {
  return head_graphs_.Launch(row_count, stream,
                             [&] { return LaunchHeads(row_count, tables, stream); });
}

}  // namespace chimera
