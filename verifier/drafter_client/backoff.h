// How long to wait before the next attempt to reach a peer.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_BACKOFF_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_BACKOFF_H_

#include <algorithm>
#include <chrono>
#include <optional>

namespace chimera {

// Doubles from the shortest to the longest delay, and starts anew after a connection that proved
// itself: one that lasted for the longest delay. No jitter: a link has one peer, and few links
// share it.
class Backoff {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Limits {
    std::chrono::milliseconds shortest = std::chrono::milliseconds(100);
    std::chrono::milliseconds longest = std::chrono::milliseconds(1000);
  };

  explicit Backoff(Limits limits) : limits_(limits), next_(limits.shortest) {}

  // An attempt succeeded.
  void Connected(TimePoint now) { connected_ = now; }

  // The connection turned out to be of no use: it proves nothing, however long it lasted.
  void Discredit() { connected_.reset(); }

  // The delay after an attempt failed, or a connection ended.
  std::chrono::milliseconds Next(TimePoint now) {
    if (connected_.has_value() && now - *connected_ >= limits_.longest) next_ = limits_.shortest;
    connected_.reset();
    const std::chrono::milliseconds delay = next_;
    next_ = std::min(2 * next_, limits_.longest);
    return delay;
  }

  // The delay where the peer would give the same answer again.
  std::chrono::milliseconds Longest() const { return limits_.longest; }

 private:
  const Limits limits_;
  std::chrono::milliseconds next_;
  std::optional<TimePoint> connected_;  // since when, if connected
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_BACKOFF_H_
