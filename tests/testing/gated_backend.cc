#include "tests/testing/gated_backend.h"

namespace chimera::testing {

void StepGate::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
  allowed_ = 0;
}

void StepGate::Allow(int count) {
  MutexLock lock(&mutex_);
  allowed_ += count;
  changed_.NotifyAll();
}

void StepGate::Open() {
  MutexLock lock(&mutex_);
  closed_ = false;
  changed_.NotifyAll();
}

void StepGate::Pass() {
  MutexLock lock(&mutex_);
  while (closed_ && allowed_ == 0) changed_.Wait(&mutex_);
  if (closed_) --allowed_;
  ++steps_;
}

int StepGate::steps() const {
  MutexLock lock(&mutex_);
  return steps_;
}

}  // namespace chimera::testing
