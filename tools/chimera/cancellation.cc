#include "tools/chimera/cancellation.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/check.h"

namespace chimera {

Cancellation::Cancellation() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHIMERA_CHECK(fd_ >= 0) << "no file descriptor left for an eventfd";
}

Cancellation::~Cancellation() { close(fd_); }

void Cancellation::Cancel() {
  const MutexLock lock(&mutex_);
  if (cancelled_) return;
  cancelled_ = true;
  CHIMERA_CHECK(eventfd_write(fd_, 1) == 0) << "eventfd";
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

bool Cancellation::cancelled() const {
  const MutexLock lock(&mutex_);
  return cancelled_;
}

void Cancellation::Register(grpc::ClientContext* context) {
  const MutexLock lock(&mutex_);
  contexts_.insert(context);
  // A context that is cancelled before its call begins makes the call fail when it begins.
  if (cancelled_) context->TryCancel();
}

void Cancellation::Unregister(grpc::ClientContext* context) {
  const MutexLock lock(&mutex_);
  contexts_.erase(context);
}

CancellableCall::CancellableCall(Cancellation* cancellation, grpc::ClientContext* context)
    : cancellation_(cancellation), context_(context) {
  cancellation_->Register(context_);
}

CancellableCall::~CancellableCall() { cancellation_->Unregister(context_); }

}  // namespace chimera
