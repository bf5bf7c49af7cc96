// The slow, obvious form of SharedNoiseSampler: the oracle for every implementation.

#ifndef CHIMERA_COMMON_SAMPLING_SHARED_NOISE_REFERENCE_H_
#define CHIMERA_COMMON_SAMPLING_SHARED_NOISE_REFERENCE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/sampling/sampling_params.h"

namespace chimera {

// The tokens that pass the filters, by descending scaled logit (equal ones by ascending id). Sorts
// the whole row. REQUIRES: valid params, not greedy, the greatest scaled logit is finite.
std::vector<int32_t> SurvivingTokensReference(std::span<const float> logits,
                                              const SamplingParams& params);

// As SharedNoiseSampler::Sample, with the noise of every survivor and no shortcut.
int32_t SampleReference(std::span<const float> logits, const SamplingParams& params,
                        int64_t position);

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_SHARED_NOISE_REFERENCE_H_
