#include "common/cuda/backend/device_llama_weights.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/ops/rope.h"

namespace chimera {
namespace {

absl::StatusOr<DeviceLlamaLayer> LoadLayer(const LlamaLayerWeights& weights,
                                           WeightUploader* uploader) {
  DeviceLlamaLayer layer;
  const auto load_norm = [&](const TensorView& norm,
                             cuda::DeviceBuffer<float>* to) -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(*to, uploader->UploadFloats(Widen(norm)));
    return absl::OkStatus();
  };
  const auto load = [&](std::initializer_list<TensorView> parts, DeviceLinear* to) -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(*to, uploader->UploadLinear(std::span(parts.begin(), parts.size())));
    return absl::OkStatus();
  };
  CHIMERA_RETURN_IF_ERROR(load_norm(weights.attention_norm, &layer.attention_norm));
  CHIMERA_RETURN_IF_ERROR(
      load({weights.query, weights.key, weights.value}, &layer.query_key_value));
  CHIMERA_RETURN_IF_ERROR(load({weights.attention_output}, &layer.attention_output));
  CHIMERA_RETURN_IF_ERROR(load_norm(weights.ffn_norm, &layer.ffn_norm));
  CHIMERA_RETURN_IF_ERROR(load({weights.ffn_gate, weights.ffn_up}, &layer.ffn_gate_up));
  CHIMERA_RETURN_IF_ERROR(load({weights.ffn_down}, &layer.ffn_down));
  return layer;
}

// As RopeAppendArguments has it.
std::vector<float> InterleavedRopeTable(const LlamaConfig& config, int64_t position_count) {
  const RopeTable table(position_count, config.head_dim, config.rope_base);
  std::vector<float> interleaved;
  interleaved.reserve(position_count * config.head_dim);
  for (int64_t position = 0; position < position_count; ++position) {
    for (int32_t i = 0; i < config.head_dim; i += 2) {
      interleaved.push_back(table.cosines(position)[i]);
      interleaved.push_back(table.signed_sines(position)[i + 1]);
    }
  }
  return interleaved;
}

absl::StatusOr<DeviceLlamaWeights> LoadAll(const LlamaConfig& config, const LlamaWeights& weights,
                                           int64_t position_count, ThreadPool* threads) {
  CHIMERA_ASSIGN_OR_RETURN(WeightUploader uploader, WeightUploader::Create(threads));
  DeviceLlamaWeights loaded;
  CHIMERA_ASSIGN_OR_RETURN(loaded.token_embedding, uploader.UploadRows(weights.token_embedding));
  for (const LlamaLayerWeights& layer : weights.layers) {
    CHIMERA_ASSIGN_OR_RETURN(DeviceLlamaLayer loaded_layer, LoadLayer(layer, &uploader));
    loaded.layers.push_back(std::move(loaded_layer));
  }
  CHIMERA_ASSIGN_OR_RETURN(loaded.rope_table,
                           uploader.UploadFloats(InterleavedRopeTable(config, position_count)));
  CHIMERA_ASSIGN_OR_RETURN(loaded.output_norm, uploader.UploadFloats(Widen(weights.output_norm)));
  CHIMERA_ASSIGN_OR_RETURN(loaded.output, uploader.UploadLinear(std::span(&weights.output, 1)));
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
                                                            int64_t position_count,
                                                            ThreadPool* threads) {
  absl::StatusOr<DeviceLlamaWeights> loaded = LoadAll(config, weights, position_count, threads);
  if (!absl::IsResourceExhausted(loaded.status())) return loaded;
  return absl::ResourceExhaustedError(
      absl::StrCat("the weights take ", NeededBytes(weights) >> 20,
                   " MiB in bf16: ", absl::string_view(loaded.status().message())));
}

}  // namespace chimera
