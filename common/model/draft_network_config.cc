#include "common/model/draft_network_config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr int32_t kMaxWidth = 1 << 16;
constexpr int32_t kMaxDepthHeads = 15;
constexpr int32_t kMaxTappedLayers = 8;
constexpr int32_t kMaxContextWindow = 1 << 20;

struct Limits {
  int32_t low = 1;
  int32_t high = kMaxWidth;
  int32_t multiple_of = 1;
};

absl::Status Check(absl::string_view field, int32_t value, const Limits& limits) {
  if (value < limits.low || value > limits.high) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " is ", value, ", must be in [", limits.low, ", ", limits.high, "]"));
  }
  if (value % limits.multiple_of == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, ", must be a multiple of ", limits.multiple_of));
}

}  // namespace

absl::Status ValidateDraftNetworkConfig(const DraftNetworkConfig& config) {
  CHIMERA_RETURN_IF_ERROR(Check("hidden_size", config.hidden_size, {.multiple_of = 32}));
  CHIMERA_RETURN_IF_ERROR(Check("query_head_count", config.query_head_count, {.high = 1024}));
  CHIMERA_RETURN_IF_ERROR(Check("kv_head_count", config.kv_head_count, {.high = 1024}));
  CHIMERA_RETURN_IF_ERROR(Check("head_dim", config.head_dim, {.high = 1024, .multiple_of = 16}));
  CHIMERA_RETURN_IF_ERROR(
      Check("query_head_count", config.query_head_count, {.multiple_of = config.kv_head_count}));
  CHIMERA_RETURN_IF_ERROR(
      Check("query_head_count times head_dim", config.query_size(), {.multiple_of = 32}));
  CHIMERA_RETURN_IF_ERROR(Check("ffn_size", config.ffn_size, {.multiple_of = 32}));
  CHIMERA_RETURN_IF_ERROR(
      Check("trigram_hidden_size", config.trigram_hidden_size, {.multiple_of = 32}));
  CHIMERA_RETURN_IF_ERROR(Check("trigram_order", config.trigram_order, {.high = 3}));
  CHIMERA_RETURN_IF_ERROR(Check("number of tapped_layers",
                                static_cast<int32_t>(config.tapped_layers.size()),
                                {.high = kMaxTappedLayers}));
  for (size_t i = 0; i < config.tapped_layers.size(); ++i) {
    const int32_t least = i == 0 ? 0 : config.tapped_layers[i - 1] + 1;
    CHIMERA_RETURN_IF_ERROR(Check("tapped_layers", config.tapped_layers[i], {.low = least}));
  }
  CHIMERA_RETURN_IF_ERROR(Check("depth_heads", config.depth_heads, {.high = kMaxDepthHeads}));
  CHIMERA_RETURN_IF_ERROR(Check("draft_vocab_size", config.draft_vocab_size, {.high = 1 << 24}));
  CHIMERA_RETURN_IF_ERROR(
      Check("context_window", config.context_window, {.low = 16, .high = kMaxContextWindow}));
  if (!(config.rope_base > 0) || !(config.rms_norm_epsilon > 0)) {
    return absl::InvalidArgumentError("rope_base and rms_norm_epsilon must be positive numbers");
  }
  return absl::OkStatus();
}

}  // namespace chimera
