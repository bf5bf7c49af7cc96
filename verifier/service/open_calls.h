// Keeps count of calls, so that a server can wait for their clients, and for no more than it
// should.

#ifndef CHIMERA_VERIFIER_SERVICE_OPEN_CALLS_H_
#define CHIMERA_VERIFIER_SERVICE_OPEN_CALLS_H_

#include <chrono>
#include <deque>
#include <memory>

#include "common/base/mutex.h"

namespace chimera {

// A Generate call that the engine took.
class OpenCall {
 public:
  virtual ~OpenCall() = default;

  // Ends the call although its client has not read the reply. Any thread, at any time.
  virtual void GiveUp() = 0;
};

// The Generate calls that the engine took and whose clients do not have the end yet. Replies that
// have ended are held for slow clients, but only kMaxUnread of them: otherwise clients that never
// read could fill the memory. Thread-safe.
class OpenCalls {
 public:
  static constexpr size_t kMaxUnread = 256;

  OpenCalls() = default;
  // The last call is removed by a thread of gRPC's, whose end only gRPC knows: the lock makes what
  // it did visible. REQUIRES: no call is open.
  ~OpenCalls() { MutexLock lock(&mutex_); }
  OpenCalls(const OpenCalls&) = delete;
  OpenCalls& operator=(const OpenCalls&) = delete;

  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
  }

  // The engine has nothing more to say to `call`. Gives up the call that has waited longest for its
  // client if there are too many. REQUIRES: before the call can be removed.
  void AddUnread(std::shared_ptr<OpenCall> call);

  // Forgets a call, whose client has the end or is gone.
  void Remove(const OpenCall* call);

  // Returns when no call is open, or at `deadline`.
  void WaitUntilNone(std::chrono::steady_clock::time_point deadline);

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  // Those among them whose reply has ended, the oldest end first.
  std::deque<std::shared_ptr<OpenCall>> unread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_OPEN_CALLS_H_
