// The likeliest next tokens of a row of draft logits.

#ifndef CHIMERA_DRAFTER_NETWORK_CANDIDATE_SELECTOR_H_
#define CHIMERA_DRAFTER_NETWORK_CANDIDATE_SELECTOR_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/sampling/logit_filters.h"
#include "common/sampling/sampling_params.h"

namespace chimera {

// A token that may come next.
struct TokenCandidate {
  int32_t token = 0;
  float probability = 0;  // that the target chooses it, as the draft network sees it
};

// Ranks tokens as the target will choose them. A greedy request takes the most probable; one that
// samples draws with the noise that the target will draw with
// (common/sampling/shared_noise_sampler.h), so the greatest noisy logits are the likeliest. Only
// holds scratch memory. One thread.
class CandidateSelector {
 public:
  // How far apart noisy logits count: the network's error is of the size of the noise itself.
  static constexpr float kNoisyTemperature = 0.7f;

  // Fills `candidates` with up to `count` tokens, likeliest first, equal ones by ascending id.
  // `logits` [draft_vocab_size], whose tokens are `vocabulary`; `position` is that of the token.
  void Select(std::span<const float> logits, std::span<const int32_t> vocabulary,
              const SamplingParams& sampling, int64_t position, int32_t count,
              std::vector<TokenCandidate>* candidates);

 private:
  struct Scored {
    float score;
    int32_t index;  // into the vocabulary
  };

  // Lists the indices whose logit is within `distance` of the greatest.
  void ListNear(std::span<const float> row, float distance);
  static bool Before(const Scored& a, const Scored& b);

  LogitFilters filters_;
  std::vector<float> maxima_;
  std::vector<Scored> near_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_CANDIDATE_SELECTOR_H_
