// Counts calls, so that a server that drains can wait for their clients.

#ifndef CHIMERA_VERIFIER_SERVICE_OPEN_CALLS_H_
#define CHIMERA_VERIFIER_SERVICE_OPEN_CALLS_H_

#include <chrono>

#include "common/base/mutex.h"

namespace chimera {

// The Generate calls that the engine took and whose clients do not have the end yet. Thread-safe.
class OpenCalls {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
  }

  void Remove() {
    MutexLock lock(&mutex_);
    if (--count_ == 0) changed_.NotifyAll();
  }

  // Returns when no call is open, or at `deadline`.
  void WaitUntilNone(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(&mutex_);
    while (count_ > 0 && changed_.WaitUntil(&mutex_, deadline)) {
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_OPEN_CALLS_H_
