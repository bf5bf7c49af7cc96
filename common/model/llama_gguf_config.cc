// ReadLlamaConfig of llama_gguf.h.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/llama_gguf.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

constexpr absl::string_view kArchitectureKey = "general.architecture";
constexpr absl::string_view kTokensKey = "tokenizer.ggml.tokens";

constexpr absl::string_view kLayerCount = "llama.block_count";
constexpr absl::string_view kHiddenSize = "llama.embedding_length";
constexpr absl::string_view kQueryHeadCount = "llama.attention.head_count";
constexpr absl::string_view kKvHeadCount = "llama.attention.head_count_kv";
constexpr absl::string_view kKeyLength = "llama.attention.key_length";
constexpr absl::string_view kValueLength = "llama.attention.value_length";
constexpr absl::string_view kEpsilon = "llama.attention.layer_norm_rms_epsilon";
constexpr absl::string_view kFfnSize = "llama.feed_forward_length";
constexpr absl::string_view kContextLength = "llama.context_length";
constexpr absl::string_view kVocabSize = "llama.vocab_size";
constexpr absl::string_view kRopeBase = "llama.rope.freq_base";
constexpr absl::string_view kRopeDimensions = "llama.rope.dimension_count";
constexpr absl::string_view kRopeScalingType = "llama.rope.scaling.type";
constexpr absl::string_view kRopeScalingFactor = "llama.rope.scaling.factor";
constexpr absl::string_view kRopeScaleLinear = "llama.rope.scale_linear";
constexpr absl::string_view kExpertCount = "llama.expert_count";
constexpr absl::string_view kExpertUsedCount = "llama.expert_used_count";

constexpr absl::string_view kKnownKeys[] = {
    kLayerCount,      kHiddenSize,       kQueryHeadCount, kKvHeadCount,     kKeyLength,
    kValueLength,     kEpsilon,          kFfnSize,        kContextLength,   kVocabSize,
    kRopeBase,        kRopeDimensions,   kExpertCount,    kExpertUsedCount, kRopeScaleLinear,
    kRopeScalingType, kRopeScalingFactor};

absl::Status CheckArchitecture(const GgufMetadata& metadata) {
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view architecture,
                           Required(metadata.String(kArchitectureKey), kArchitectureKey));
  if (architecture != "llama") {
    return absl::UnimplementedError(absl::StrCat(
        "key ", kArchitectureKey, " is \"", Printable(architecture), "\"; supported: \"llama\""));
  }
  for (const auto& [key, value] : metadata.values()) {
    if (absl::StartsWith(key, "llama.") &&
        std::find(std::begin(kKnownKeys), std::end(kKnownKeys), key) == std::end(kKnownKeys)) {
      return absl::UnimplementedError(
          absl::StrCat("key ", key, "; supported: ", absl::StrJoin(kKnownKeys, ", ")));
    }
  }
  return absl::OkStatus();
}

// Keys whose value must be the one that changes nothing.
absl::Status CheckNeutral(const GgufMetadata& metadata) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> scaling,
                           metadata.String(kRopeScalingType));
  if (scaling.value_or("none") != "none") {
    return absl::UnimplementedError(absl::StrCat("key ", kRopeScalingType, " is \"",
                                                 Printable(*scaling), "\"; supported: \"none\""));
  }
  for (const absl::string_view key : {kRopeScalingFactor, kRopeScaleLinear}) {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<float> factor, metadata.Float(key));
    if (factor.value_or(1.0f) != 1.0f) {
      return absl::UnimplementedError(absl::StrCat("key ", key, " is ", *factor, "; supported: 1"));
    }
  }
  for (const absl::string_view key : {kExpertCount, kExpertUsedCount}) {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> count, metadata.Integer(key));
    if (count.value_or(0) != 0) {
      return absl::UnimplementedError(absl::StrCat("key ", key, " is ", *count, "; supported: 0"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> ToInt32(absl::string_view key, int64_t value) {
  if (value < 0 || value > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", key, " is ", value, ", must be from 0 to 2^31 - 1"));
  }
  return static_cast<int32_t>(value);
}

absl::StatusOr<int32_t> RequiredInt32(const GgufMetadata& metadata, absl::string_view key) {
  CHIMERA_ASSIGN_OR_RETURN(const int64_t value, Required(metadata.Integer(key), key));
  return ToInt32(key, value);
}

absl::StatusOr<int32_t> Int32Or(const GgufMetadata& metadata, absl::string_view key,
                                int32_t fallback) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> value, metadata.Integer(key));
  return ToInt32(key, value.value_or(fallback));
}

// The width of a head: as stated, or an even share of the hidden size.
absl::StatusOr<int32_t> ReadHeadDim(const GgufMetadata& metadata, const LlamaConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> stated, metadata.Integer(kKeyLength));
  if (stated.has_value()) return ToInt32(kKeyLength, *stated);
  if (config.query_head_count == 0 || config.hidden_size % config.query_head_count != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "key ", kHiddenSize, " is ", config.hidden_size, ", must be a multiple of ",
        kQueryHeadCount, " (", config.query_head_count, ") in a file without ", kKeyLength));
  }
  return config.hidden_size / config.query_head_count;
}

// Values are as wide as keys, and RoPE turns all of a head.
absl::Status CheckHeadWidths(const GgufMetadata& metadata, int32_t head_dim) {
  for (const absl::string_view key : {kValueLength, kRopeDimensions}) {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> width, metadata.Integer(key));
    if (width.value_or(head_dim) != head_dim) {
      return absl::UnimplementedError(
          absl::StrCat("key ", key, " is ", *width, "; supported: the head's width, ", head_dim));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> ReadVocabSize(const GgufMetadata& metadata) {
  const auto tokens = metadata.values().find(kTokensKey);
  if (tokens == metadata.values().end()) {
    return absl::InvalidArgumentError(absl::StrCat("the file lacks the key ", kTokensKey));
  }
  CHIMERA_ASSIGN_OR_RETURN(const int32_t token_count,
                           ToInt32(kTokensKey, static_cast<int64_t>(tokens->second.count)));
  CHIMERA_ASSIGN_OR_RETURN(const int32_t vocab_size, Int32Or(metadata, kVocabSize, token_count));
  if (vocab_size != token_count) {
    return absl::InvalidArgumentError(absl::StrCat("key ", kVocabSize, " is ", vocab_size, ", but ",
                                                   kTokensKey, " has ", token_count, " entries"));
  }
  return vocab_size;
}

}  // namespace

absl::StatusOr<LlamaConfig> ReadLlamaConfig(const GgufFile& file) {
  const GgufMetadata& metadata = file.metadata;
  CHIMERA_RETURN_IF_ERROR(CheckArchitecture(metadata));
  CHIMERA_RETURN_IF_ERROR(CheckNeutral(metadata));
  LlamaConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.layer_count, RequiredInt32(metadata, kLayerCount));
  CHIMERA_ASSIGN_OR_RETURN(config.hidden_size, RequiredInt32(metadata, kHiddenSize));
  CHIMERA_ASSIGN_OR_RETURN(config.query_head_count, RequiredInt32(metadata, kQueryHeadCount));
  CHIMERA_ASSIGN_OR_RETURN(config.kv_head_count,
                           Int32Or(metadata, kKvHeadCount, config.query_head_count));
  CHIMERA_ASSIGN_OR_RETURN(config.head_dim, ReadHeadDim(metadata, config));
  CHIMERA_ASSIGN_OR_RETURN(config.ffn_size, RequiredInt32(metadata, kFfnSize));
  CHIMERA_ASSIGN_OR_RETURN(config.vocab_size, ReadVocabSize(metadata));
  CHIMERA_ASSIGN_OR_RETURN(config.context_length, RequiredInt32(metadata, kContextLength));
  CHIMERA_ASSIGN_OR_RETURN(config.rms_norm_epsilon, Required(metadata.Float(kEpsilon), kEpsilon));
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<float> rope_base, metadata.Float(kRopeBase));
  config.rope_base = rope_base.value_or(config.rope_base);
  config.tied_embedding = !file.tensors.contains("output.weight");
  CHIMERA_RETURN_IF_ERROR(ValidateLlamaConfig(config));
  CHIMERA_RETURN_IF_ERROR(CheckHeadWidths(metadata, config.head_dim));
  return config;
}

}  // namespace chimera
