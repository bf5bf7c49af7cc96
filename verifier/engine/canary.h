// Checks a share of the replies against plain decoding, while the server runs.

#ifndef CHIMERA_VERIFIER_ENGINE_CANARY_H_
#define CHIMERA_VERIFIER_ENGINE_CANARY_H_

#include <cstdint>
#include <optional>

#include "common/metrics/verifier_metrics.h"
#include "verifier/engine/sequence.h"

namespace chimera {

// Draws which replies are checked and makes the requests that do it: the same prompt, seed and stop
// conditions, without speculation. A reply that differs is counted and logged. The engine's thread
// only.
class Canary {
 public:
  // `fraction` of the replies are checked, in [0, 1]; `seed` decides which. `metrics` must outlive
  // the canary and its requests.
  Canary(double fraction, uint64_t seed, CanaryMetrics* metrics)
      : fraction_(fraction), seed_(seed), metrics_(metrics) {}

  // The request that checks a user's finished reply, if this one was drawn.
  std::optional<QueuedRequest> Draw(const Sequence& finished);

  // A request that Draw made was not decoded.
  void CountSkipped() { metrics_->skipped.Increment(); }

 private:
  const double fraction_;
  const uint64_t seed_;
  CanaryMetrics* const metrics_;
  uint64_t finished_count_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_CANARY_H_
