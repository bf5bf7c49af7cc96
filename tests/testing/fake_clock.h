// A clock that stands still until a test moves it.

#ifndef CHIMERA_TESTS_TESTING_FAKE_CLOCK_H_
#define CHIMERA_TESTS_TESTING_FAKE_CLOCK_H_

#include <chrono>

#include "absl/base/thread_annotations.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace chimera::testing {

// Starts one hour after the epoch of steady_clock, so that tests can look back. Any thread.
class FakeClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point Now() const override {
    MutexLock lock(&mutex_);
    return now_;
  }

  // REQUIRES: duration >= 0.
  void Advance(std::chrono::steady_clock::duration duration) {
    CHIMERA_CHECK(duration.count() >= 0);
    MutexLock lock(&mutex_);
    now_ += duration;
  }

 private:
  mutable Mutex mutex_;
  std::chrono::steady_clock::time_point now_ ABSL_GUARDED_BY(mutex_){std::chrono::hours(1)};
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_FAKE_CLOCK_H_
