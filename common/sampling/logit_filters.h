// Temperature, top-k, min-p and top-p, in this order: which tokens of a row can be chosen.

#ifndef CHIMERA_COMMON_SAMPLING_LOGIT_FILTERS_H_
#define CHIMERA_COMMON_SAMPLING_LOGIT_FILTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/sampling/sampling_params.h"
#include "common/sampling/softmax_weight.h"

namespace chimera {

// Tokens rank by descending scaled logit (logit / temperature in fp32), equal ones by ascending id;
// NaN ranks nowhere. Each filter keeps the front of the ranking, and works on what the one before
// it kept:
//
//   top-k   the first k
//   min-p   those whose distance to the first, scaled logit minus scaled logit, is at least
//           LogF(min_p)
//   top-p   the fewest whose SoftmaxWeights sum to at least top_p times the sum over all
//
// A row whose greatest scaled logit is not finite is not filtered: noise cannot change its winner.
//
// The result depends on logits and params only: verifier and drafter get the same. The object holds
// scratch memory. One thread at a time.
class LogitFilters {
 public:
  // Returns the scaled logits [vocab_size] of `logits` [vocab_size], -inf where a token is filtered
  // out. The result is `logits` itself where params change nothing, else it lives until the next
  // call. REQUIRES: valid params, not greedy.
  std::span<const float> Apply(std::span<const float> logits, const SamplingParams& params);

 private:
  struct Candidate {
    float logit;
    int32_t token;
  };

  // Top-p adds up weights by distance from the greatest logit, and ranks one bucket of them only.
  // The last bucket holds what has no weight.
  static constexpr float kBucketsPerUnit = 32.0f;
  static constexpr int kBuckets = static_cast<int>(kZeroWeightDistance * kBucketsPerUnit) + 1;
  using Masses = std::array<uint64_t, kBuckets>;

  static bool Before(const Candidate& a, const Candidate& b);
  static int BucketOf(float distance);
  void KeepTopK(size_t k);
  void KeepMinP(float min_p, float greatest);
  void KeepTopP(float top_p, float greatest);
  Candidate LastOfTopP(float top_p, float greatest);
  Masses MassesByDistance(float greatest) const;

  std::vector<float> scaled_;
  std::vector<float> maxima_;  // chunk maxima of scaled_
  std::vector<float> order_;
  std::vector<Candidate> candidates_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_LOGIT_FILTERS_H_
