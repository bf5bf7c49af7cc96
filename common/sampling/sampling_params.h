// What a request says about sampling, as far as the choice of a token depends on it.

#ifndef CHIMERA_COMMON_SAMPLING_SAMPLING_PARAMS_H_
#define CHIMERA_COMMON_SAMPLING_SAMPLING_PARAMS_H_

#include <cstdint>

#include "absl/status/status.h"

namespace chimera {

// A plain value; travels to the drafter with every step, because the drafter draws its candidates
// with the same noise.
struct SamplingParams {
  // Below kGreedyTemperature the token is the plain argmax of the logits.
  static constexpr float kGreedyTemperature = 1e-4f;
  static constexpr float kMaxTemperature = 100.0f;

  // Divides the logits. In [0, kMaxTemperature].
  float temperature = 0.0f;
  // Keeps the k tokens of highest logit; 0 keeps all. Not negative.
  int32_t top_k = 0;
  // Drops tokens whose probability is below min_p times that of the most probable one. In [0, 1].
  float min_p = 0.0f;
  // Keeps the smallest set of most probable tokens whose probabilities sum to at least top_p. In
  // (0, 1].
  float top_p = 1.0f;
  // Key of the noise generator.
  uint64_t seed = 0;

  constexpr bool greedy() const { return temperature < kGreedyTemperature; }

  friend bool operator==(const SamplingParams&, const SamplingParams&) = default;
};

// Returns INVALID_ARGUMENT naming the field and its limits where one is out of range or not a
// number.
absl::Status ValidateSamplingParams(const SamplingParams& params);

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_SAMPLING_PARAMS_H_
