#include "common/cuda/backend/device_llama_weights.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cuda/backend/interleaved_rope_table.h"
#include "common/cuda/backend/memory_error.h"
#include "common/cuda/runtime/device.h"

namespace chimera {
namespace {

absl::Status LoadLayer(const LlamaLayerWeights& weights, WeightOrder order,
                       WeightUploader* uploader, DeviceLlamaLayer* layer) {
  const auto load = [&](std::initializer_list<TensorView> parts, DeviceLinear* to) {
    return uploader->UploadLinear(std::span(parts.begin(), parts.size()), order, to);
  };
  CHIMERA_RETURN_IF_ERROR(
      uploader->UploadFloats(Widen(weights.attention_norm), &layer->attention_norm));
  CHIMERA_RETURN_IF_ERROR(
      load({weights.query, weights.key, weights.value}, &layer->query_key_value));
  CHIMERA_RETURN_IF_ERROR(load({weights.attention_output}, &layer->attention_output));
  CHIMERA_RETURN_IF_ERROR(uploader->UploadFloats(Widen(weights.ffn_norm), &layer->ffn_norm));
  CHIMERA_RETURN_IF_ERROR(load({weights.ffn_gate, weights.ffn_up}, &layer->ffn_gate_up));
  return load({weights.ffn_down}, &layer->ffn_down);
}

absl::StatusOr<DeviceLlamaWeights> LoadAll(const LlamaConfig& config, const LlamaWeights& weights,
                                           WeightOrder order, ThreadPool* threads) {
  DeviceLlamaWeights loaded;
  loaded.layers.resize(weights.layers.size());
  CHIMERA_ASSIGN_OR_RETURN(WeightUploader uploader, WeightUploader::Create(threads));
  CHIMERA_RETURN_IF_ERROR(uploader.UploadRows(weights.token_embedding, &loaded.token_embedding));
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    CHIMERA_RETURN_IF_ERROR(LoadLayer(weights.layers[i], order, &uploader, &loaded.layers[i]));
  }
  CHIMERA_RETURN_IF_ERROR(uploader.UploadFloats(
      InterleavedRopeTable(config.context_length, config.head_dim, config.rope_base),
      &loaded.rope_table));
  CHIMERA_RETURN_IF_ERROR(uploader.UploadFloats(Widen(weights.output_norm), &loaded.output_norm));
  CHIMERA_RETURN_IF_ERROR(
      uploader.UploadLinear(std::span(&weights.output, 1), order, &loaded.output));
  CHIMERA_RETURN_IF_ERROR(uploader.Finish());
  return loaded;
}

// Of what LoadAll makes, norms left aside.
int64_t NeededBytes(const LlamaWeights& weights) {
  const auto elements = [](const TensorView& weight) { return weight.rows * weight.columns; };
  int64_t sum = elements(weights.token_embedding) + elements(weights.output);
  for (const LlamaLayerWeights& layer : weights.layers) {
    for (const TensorView* weight :
         {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.ffn_gate,
          &layer.ffn_up, &layer.ffn_down}) {
      sum += elements(*weight);
    }
  }
  return sum * static_cast<int64_t>(sizeof(uint16_t));
}

}  // namespace

absl::StatusOr<DeviceLlamaWeights> DeviceLlamaWeights::Load(const LlamaConfig& config,
                                                            const LlamaWeights& weights,
                                                            WeightOrder order,
                                                            ThreadPool* threads) {
  const std::string what = absl::StrCat("weights of ", NeededBytes(weights) >> 20, " MiB in bf16");
  CHIMERA_ASSIGN_OR_RETURN(const size_t free_bytes, cuda::FreeDeviceMemoryBytes());
  if (NeededBytes(weights) > static_cast<int64_t>(free_bytes)) {
    // Not found out by loading most of them.
    return absl::ResourceExhaustedError(absl::StrCat(
        "no memory for ", what, ": the CUDA device has ", free_bytes >> 20, " MiB free"));
  }
  absl::StatusOr<DeviceLlamaWeights> loaded = LoadAll(config, weights, order, threads);
  if (!loaded.ok()) return ForWhat(loaded.status(), what);
  return loaded;
}

std::vector<const DeviceLinear*> DeviceLlamaWeights::linears() const {
  std::vector<const DeviceLinear*> all = {&output};
  for (const DeviceLlamaLayer& layer : layers) {
    all.insert(all.end(), {&layer.query_key_value, &layer.attention_output, &layer.ffn_gate_up,
                           &layer.ffn_down});
  }
  return all;
}

}  // namespace chimera
