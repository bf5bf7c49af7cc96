#include "common/model/llama_config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

// Linear layers quantise their inputs in blocks of this many elements.
constexpr int32_t kBlock = 32;

struct Range {
  int32_t minimum;
  int32_t maximum;
  int32_t multiple = 1;
};

absl::Status CheckSize(absl::string_view field, int32_t value, const Range& range) {
  if (value >= range.minimum && value <= range.maximum && value % range.multiple == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, ", must be from ", range.minimum, " to ", range.maximum,
                   range.multiple > 1 ? absl::StrCat(" and a multiple of ", range.multiple) : ""));
}

// `maximum` and a NaN-safe lower bound that is itself excluded.
absl::Status CheckReal(absl::string_view field, float value, float above, float maximum) {
  if (value > above && value <= maximum) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, ", must be above ", above, " and at most ", maximum));
}

absl::Status CheckHeads(const LlamaConfig& config) {
  CHIMERA_RETURN_IF_ERROR(CheckSize("query_head_count", config.query_head_count, {1, 1024}));
  CHIMERA_RETURN_IF_ERROR(
      CheckSize("kv_head_count", config.kv_head_count, {1, config.query_head_count}));
  if (config.query_head_count % config.kv_head_count != 0) {
    return absl::InvalidArgumentError(absl::StrCat("kv_head_count is ", config.kv_head_count,
                                                   ", must divide query_head_count ",
                                                   config.query_head_count));
  }
  CHIMERA_RETURN_IF_ERROR(CheckSize("head_dim", config.head_dim, {2, 1024, 2}));
  return CheckSize("query_size (query_head_count * head_dim)", config.query_size(),
                   {kBlock, 1 << 20, kBlock});
}

}  // namespace

absl::Status ValidateLlamaConfig(const LlamaConfig& config) {
  CHIMERA_RETURN_IF_ERROR(CheckSize("layer_count", config.layer_count, {1, 1024}));
  CHIMERA_RETURN_IF_ERROR(CheckSize("hidden_size", config.hidden_size, {kBlock, 1 << 16, kBlock}));
  CHIMERA_RETURN_IF_ERROR(CheckHeads(config));
  CHIMERA_RETURN_IF_ERROR(CheckSize("ffn_size", config.ffn_size, {kBlock, 1 << 20, kBlock}));
  CHIMERA_RETURN_IF_ERROR(CheckSize("vocab_size", config.vocab_size, {1, 1 << 20}));
  CHIMERA_RETURN_IF_ERROR(CheckSize("context_length", config.context_length, {1, 1 << 24}));
  CHIMERA_RETURN_IF_ERROR(CheckReal("rope_base", config.rope_base, 1.0f, 1e10f));
  return CheckReal("rms_norm_epsilon", config.rms_norm_epsilon, 0.0f, 0.1f);
}

}  // namespace chimera
