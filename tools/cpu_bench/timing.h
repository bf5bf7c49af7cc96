// How every figure of the benchmark is timed.

#ifndef CHIMERA_TOOLS_CPU_BENCH_TIMING_H_
#define CHIMERA_TOOLS_CPU_BENCH_TIMING_H_

#include <algorithm>
#include <chrono>
#include <limits>

#include "common/base/clock.h"

namespace chimera {

// The clock, which must outlive whoever measures with it, and the N of "best of N", at least 1.
struct Timing {
  const Clock* clock = nullptr;
  int repetitions = 1;
};

// A time in seconds that something may be divided by: at least a nanosecond.
inline double ToSeconds(std::chrono::steady_clock::duration time) {
  return std::max(std::chrono::duration<double>(time).count(), 1e-9);
}

// Seconds that one call of `body` takes.
template <typename Body>
double TimeOnce(const Clock& clock, Body&& body) {
  const auto start = clock.Now();
  body();
  return ToSeconds(clock.Now() - start);
}

// Seconds of the fastest of `timing.repetitions` calls of `body`, after one that is not timed: what
// disturbs a machine only ever adds time.
template <typename Body>
double BestTime(const Timing& timing, Body&& body) {
  body();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < timing.repetitions; ++i) {
    best = std::min(best, TimeOnce(*timing.clock, body));
  }
  return best;
}

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_TIMING_H_
