// Waiting for what other threads and processes do, without sleeping longer than needed.

#ifndef CHIMERA_TESTS_TESTING_EVENTUALLY_H_
#define CHIMERA_TESTS_TESTING_EVENTUALLY_H_

#include <chrono>
#include <thread>

namespace chimera::testing {

// Generous, because tests also run under sanitizers on busy machines; only failures wait so long.
inline constexpr std::chrono::seconds kEventuallyTimeout(30);

// Polls `condition` until it holds. Returns false if it does not within kEventuallyTimeout.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kEventuallyTimeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_EVENTUALLY_H_
