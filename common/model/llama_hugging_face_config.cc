// ReadHuggingFaceConfig of llama_hugging_face.h.

#include <cstdint>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/json_document.h"
#include "common/model/llama_hugging_face.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

constexpr char kHiddenSize[] = "hidden_size";
constexpr char kQueryHeadCount[] = "num_attention_heads";

absl::StatusOr<int32_t> Int32Or(const JsonObject& config, const char* key, int32_t otherwise) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> value, config.Integer(key));
  if (value.value_or(0) < std::numeric_limits<int32_t>::min() ||
      value.value_or(0) > std::numeric_limits<int32_t>::max()) {
    return config.Error(key, absl::StrCat("is ", *value, ", must fit into 32 bits"));
  }
  return static_cast<int32_t>(value.value_or(otherwise));
}

absl::StatusOr<int32_t> RequiredInt32(const JsonObject& config, const char* key) {
  if (!config.Has(key)) return config.Error(key, "is missing");
  return Int32Or(config, key, 0);
}

absl::Status CheckModelType(const JsonObject& config) {
  constexpr char kModelType[] = "model_type";
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view type,
                           Required(config.String(kModelType), config, kModelType));
  if (type == "llama") return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(config.NameOf(kModelType), " is \"", Printable(type),
                                               "\"; supported: \"llama\""));
}

// Keys whose value must be the one that changes nothing.
absl::Status CheckNeutral(const JsonObject& config) {
  CHIMERA_RETURN_IF_ERROR(config.RequireNeutral("hidden_act", "silu"));
  CHIMERA_RETURN_IF_ERROR(config.RequireNeutral("partial_rotary_factor", 1.0));
  // Absent or null.
  CHIMERA_RETURN_IF_ERROR(config.RequireNeutral("quantization_config", nullptr));
  CHIMERA_RETURN_IF_ERROR(config.RequireNeutral("sliding_window", nullptr));
  for (const char* key : {"attention_bias", "mlp_bias", "rope_interleaved"}) {
    CHIMERA_RETURN_IF_ERROR(config.RequireNeutral(key, false));
  }
  return absl::OkStatus();
}

// The base of RoPE, at the top in older files and among its parameters in newer ones.
absl::StatusOr<float> ReadRopeBase(const JsonObject& config, float otherwise) {
  constexpr char kBase[] = "rope_theta";
  CHIMERA_ASSIGN_OR_RETURN(std::optional<double> base, config.Number(kBase));
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<JsonObject> rope, config.Object(key));
    if (!rope.has_value()) continue;
    CHIMERA_RETURN_IF_ERROR(rope->RequireNeutral("rope_type", "default"));
    CHIMERA_RETURN_IF_ERROR(rope->RequireNeutral("type", "default"));
    CHIMERA_RETURN_IF_ERROR(rope->RequireNeutral("factor", 1.0));
    CHIMERA_RETURN_IF_ERROR(rope->RequireNeutral("partial_rotary_factor", 1.0));
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<double> nested, rope->Number(kBase));
    if (base.has_value() && nested.has_value() && *base != *nested) {
      return rope->Error(
          kBase, absl::StrCat("is ", *nested, ", but ", config.NameOf(kBase), " is ", *base));
    }
    if (nested.has_value()) base = nested;
  }
  return static_cast<float>(base.value_or(otherwise));
}

absl::StatusOr<int32_t> ReadHeadDim(const JsonObject& json, const LlamaConfig& config) {
  constexpr char kHeadDim[] = "head_dim";
  if (json.Has(kHeadDim)) return RequiredInt32(json, kHeadDim);
  if (config.query_head_count <= 0 || config.hidden_size % config.query_head_count != 0) {
    return json.Error(
        kHiddenSize,
        absl::StrCat("is ", config.hidden_size, ", must be a multiple of ", kQueryHeadCount, " (",
                     config.query_head_count, ") in a file without ", kHeadDim));
  }
  return config.hidden_size / config.query_head_count;
}

}  // namespace

absl::StatusOr<LlamaConfig> ReadHuggingFaceConfig(absl::string_view config_json) {
  CHIMERA_ASSIGN_OR_RETURN(const JsonDocument document,
                           JsonDocument::Parse("config.json", config_json));
  const JsonObject json = document.root();
  CHIMERA_RETURN_IF_ERROR(CheckModelType(json));
  CHIMERA_RETURN_IF_ERROR(CheckNeutral(json));
  LlamaConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.layer_count, RequiredInt32(json, "num_hidden_layers"));
  CHIMERA_ASSIGN_OR_RETURN(config.hidden_size, RequiredInt32(json, kHiddenSize));
  CHIMERA_ASSIGN_OR_RETURN(config.query_head_count, RequiredInt32(json, kQueryHeadCount));
  CHIMERA_ASSIGN_OR_RETURN(config.kv_head_count,
                           Int32Or(json, "num_key_value_heads", config.query_head_count));
  CHIMERA_ASSIGN_OR_RETURN(config.head_dim, ReadHeadDim(json, config));
  CHIMERA_ASSIGN_OR_RETURN(config.ffn_size, RequiredInt32(json, "intermediate_size"));
  CHIMERA_ASSIGN_OR_RETURN(config.vocab_size, RequiredInt32(json, "vocab_size"));
  CHIMERA_ASSIGN_OR_RETURN(config.context_length, RequiredInt32(json, "max_position_embeddings"));
  CHIMERA_ASSIGN_OR_RETURN(config.rope_base, ReadRopeBase(json, config.rope_base));
  CHIMERA_ASSIGN_OR_RETURN(const double epsilon,
                           Required(json.Number("rms_norm_eps"), json, "rms_norm_eps"));
  config.rms_norm_epsilon = static_cast<float>(epsilon);
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> tied, json.Bool("tie_word_embeddings"));
  config.tied_embedding = tied.value_or(false);
  const absl::Status status = ValidateLlamaConfig(config);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat("config.json: ", status.message()));
  }
  return config;
}

}  // namespace chimera
