// Time as an argument, so that tests can set it.

#ifndef CHIMERA_COMMON_BASE_CLOCK_H_
#define CHIMERA_COMMON_BASE_CLOCK_H_

#include <chrono>

namespace chimera {

// A clock that never goes back. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::steady_clock::time_point Now() const = 0;
};

// The machine's steady clock.
class RealClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point Now() const override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_CLOCK_H_
