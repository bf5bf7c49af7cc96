#include "common/sampling/sampling_params.h"

#include "absl/strings/str_cat.h"

namespace chimera {
namespace {

absl::Status OutOfRange(absl::string_view field, float value, absl::string_view limits) {
  return absl::InvalidArgumentError(absl::StrCat(field, " must be in ", limits, ", got ", value));
}

}  // namespace

// Each range is tested for what it allows, so that NaN fails.
absl::Status ValidateSamplingParams(const SamplingParams& params) {
  constexpr float kMaxTemperature = SamplingParams::kMaxTemperature;
  if (!(params.temperature >= 0.0f && params.temperature <= kMaxTemperature)) {
    return OutOfRange("temperature", params.temperature,
                      absl::StrCat("[0, ", kMaxTemperature, "]"));
  }
  if (params.top_k < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("top_k must be 0 (off) or positive, got ", params.top_k));
  }
  if (!(params.min_p >= 0.0f && params.min_p <= 1.0f)) {
    return OutOfRange("min_p", params.min_p, "[0, 1]");
  }
  if (!(params.top_p > 0.0f && params.top_p <= 1.0f)) {
    return OutOfRange("top_p", params.top_p, "(0, 1]");
  }
  return absl::OkStatus();
}

}  // namespace chimera
