#include "common/cuda/draft_network/device_draft_weights.h"

#include <initializer_list>
#include <span>
#include <vector>

#include "common/base/status_macros.h"
#include "common/cuda/backend/interleaved_rope_table.h"
#include "common/ops/rms_norm.h"

namespace chimera {
namespace {

// The order that fragment_gemm reads.
absl::Status LoadLinear(std::initializer_list<TensorView> parts, WeightUploader* uploader,
                        DeviceLinear* to, const WeightUploader::RowTransform& transform = {}) {
  return uploader->UploadLinear(std::span(parts.begin(), parts.size()), WeightOrder::kFragments, to,
                                transform);
}

absl::Status LoadInputs(const DraftNetworkModel& model, WeightUploader* uploader,
                        DeviceDraftWeights* weights) {
  const DraftNetworkConfig& config = model.config;
  const std::vector<float> ones(config.hidden_size, 1.0f);
  const auto normalize = [&](std::span<float> row) {
    RmsNormReference(row, ones, config.rms_norm_epsilon, row);
  };
  CHIMERA_RETURN_IF_ERROR(
      uploader->UploadRows(model.embedding, &weights->token_embedding, normalize));
  CHIMERA_RETURN_IF_ERROR(
      LoadLinear({model.weights.trigram_encoder.w1}, uploader, &weights->trigram_w1));
  CHIMERA_RETURN_IF_ERROR(
      LoadLinear({model.weights.trigram_encoder.w2}, uploader, &weights->trigram_w2));
  CHIMERA_RETURN_IF_ERROR(uploader->UploadFloats(ones, &weights->ones));
  // Columns of W_f times the weights of the norms of the tapped layers, which come before it.
  const TensorView& norms = model.weights.feature_fusion.norms;
  std::vector<float> scales;
  for (int64_t tap = 0; tap < norms.rows; ++tap) {
    std::vector<float> scale(norms.columns);
    Dequantize(norms.type, norms.row(tap), scale);
    scales.insert(scales.end(), scale.begin(), scale.end());
  }
  return LoadLinear({model.weights.feature_fusion.weight}, uploader, &weights->fusion,
                    [&](std::span<float> row) {
                      for (size_t i = 0; i < row.size(); ++i) row[i] *= scales[i];
                    });
}

absl::Status LoadEncoder(const DraftNetworkModel& model, WeightUploader* uploader,
                         DeviceDraftWeights* weights) {
  const ContextEncoderWeights& encoder = model.weights.context_encoder;
  CHIMERA_RETURN_IF_ERROR(uploader->UploadFloats(Widen(encoder.token_norm), &weights->token_norm));
  CHIMERA_RETURN_IF_ERROR(
      uploader->UploadFloats(Widen(encoder.feature_norm), &weights->feature_norm));
  CHIMERA_RETURN_IF_ERROR(LoadLinear({encoder.input}, uploader, &weights->input));
  CHIMERA_RETURN_IF_ERROR(
      uploader->UploadFloats(Widen(encoder.attention_norm), &weights->attention_norm));
  CHIMERA_RETURN_IF_ERROR(
      LoadLinear({encoder.query, encoder.key, encoder.value}, uploader, &weights->query_key_value));
  CHIMERA_RETURN_IF_ERROR(uploader->UploadFloats(
      InterleavedRopeTable(model.position_limit, model.config.head_dim, model.config.rope_base),
      &weights->rope_table));
  CHIMERA_RETURN_IF_ERROR(
      LoadLinear({encoder.attention_output}, uploader, &weights->attention_output));
  CHIMERA_RETURN_IF_ERROR(uploader->UploadFloats(Widen(encoder.ffn_norm), &weights->ffn_norm));
  CHIMERA_RETURN_IF_ERROR(
      LoadLinear({encoder.ffn_gate, encoder.ffn_up}, uploader, &weights->ffn_gate_up));
  return LoadLinear({encoder.ffn_down}, uploader, &weights->ffn_down);
}

}  // namespace

absl::StatusOr<DeviceDraftWeights> DeviceDraftWeights::Load(const DraftNetworkModel& model,
                                                            ThreadPool* threads) {
  DeviceDraftWeights weights;
  CHIMERA_ASSIGN_OR_RETURN(WeightUploader uploader, WeightUploader::Create(threads));
  CHIMERA_RETURN_IF_ERROR(LoadInputs(model, &uploader, &weights));
  CHIMERA_RETURN_IF_ERROR(LoadEncoder(model, &uploader, &weights));
  const ResidualHeadWeights& head = model.weights.residual_head;
  CHIMERA_RETURN_IF_ERROR(LoadLinear({head.weight}, &uploader, &weights.residual));
  CHIMERA_RETURN_IF_ERROR(uploader.UploadFloats(Widen(head.norm), &weights.head_norm));
  CHIMERA_RETURN_IF_ERROR(LoadLinear({head.embedding}, &uploader, &weights.head));
  CHIMERA_RETURN_IF_ERROR(uploader.Finish());
  return weights;
}

}  // namespace chimera
