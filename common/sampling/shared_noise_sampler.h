// The one way a token is chosen, with and without speculation (docs/architecture.md, "What makes
// the output lossless").

#ifndef CHIMERA_COMMON_SAMPLING_SHARED_NOISE_SAMPLER_H_
#define CHIMERA_COMMON_SAMPLING_SHARED_NOISE_SAMPLER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/sampling/logit_filters.h"
#include "common/sampling/sampling_params.h"

namespace chimera {

// Chooses tokens by argmax over the surviving v of logit_v / T + g(seed, position, v), g being
// Gumbel noise that depends on nothing else (Daliri, Musco, Suresh, arXiv 2408.07978). Filters in
// this order: temperature, top-k, min-p, top-p. Ties go to the lowest id. Greedy parameters take
// the argmax of the raw logits.
//
// The object only holds scratch memory: results do not depend on earlier calls. One thread at a
// time.
class SharedNoiseSampler {
 public:
  // Returns the token for absolute position `position` (that of the token being chosen; the first
  // prompt token is 0). `logits` [vocab_size] is fp32. REQUIRES: valid params, logits not empty,
  // position >= 0. A NaN logit never wins; in a row of nothing else token 0 does. Where the
  // greatest logit / T is infinite, its lowest id is the token.
  int32_t Sample(std::span<const float> logits, const SamplingParams& params, int64_t position);

 private:
  LogitFilters filters_;
  std::vector<float> maxima_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_SHARED_NOISE_SAMPLER_H_
