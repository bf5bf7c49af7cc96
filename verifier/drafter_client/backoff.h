// How long to wait before the next attempt to reach a peer.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_BACKOFF_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_BACKOFF_H_

#include <algorithm>
#include <chrono>

namespace chimera {

// Doubles from the shortest to the longest delay. No jitter: a link has one peer, and few links
// share it.
class Backoff {
 public:
  struct Limits {
    std::chrono::milliseconds shortest = std::chrono::milliseconds(100);
    std::chrono::milliseconds longest = std::chrono::milliseconds(1000);
  };

  explicit Backoff(Limits limits) : limits_(limits), next_(limits.shortest) {}

  // The delay after one more failure.
  std::chrono::milliseconds Next() {
    const std::chrono::milliseconds delay = next_;
    next_ = std::min(2 * next_, limits_.longest);
    return delay;
  }

  // The delay where the peer would give the same answer again.
  std::chrono::milliseconds Longest() const { return limits_.longest; }

  // Starts anew after a success.
  void Reset() { next_ = limits_.shortest; }

 private:
  const Limits limits_;
  std::chrono::milliseconds next_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_BACKOFF_H_
