// Ends everything that the client is waiting for: calls in flight and reads from the terminal.

#ifndef CHIMERA_TOOLS_CHIMERA_CANCELLATION_H_
#define CHIMERA_TOOLS_CHIMERA_CANCELLATION_H_

#include <grpcpp/client_context.h>

#include <set>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"

namespace chimera {

// A request to stop that is made once and stays. Thread-safe.
class Cancellation {
 public:
  Cancellation();
  ~Cancellation();
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  // Cancels the calls in flight and those that begin later. Further calls have no effect.
  void Cancel();

  bool cancelled() const;

  // A file descriptor that is readable once Cancel was called, for poll(). Owned by this object;
  // not to be read.
  int fd() const { return fd_; }

 private:
  friend class CancellableCall;
  void Register(grpc::ClientContext* context);
  void Unregister(grpc::ClientContext* context);

  const int fd_;
  mutable Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

// Ties a call to a cancellation for the lifetime of the object. Both must outlive it.
class CancellableCall {
 public:
  CancellableCall(Cancellation* cancellation, grpc::ClientContext* context);
  ~CancellableCall();
  CancellableCall(const CancellableCall&) = delete;
  CancellableCall& operator=(const CancellableCall&) = delete;

 private:
  Cancellation* const cancellation_;
  grpc::ClientContext* const context_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_CANCELLATION_H_
