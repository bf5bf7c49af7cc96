#include "verifier/service/open_calls.h"

#include <utility>

namespace chimera {

void OpenCalls::AddUnread(std::shared_ptr<OpenCall> call) {
  std::shared_ptr<OpenCall> oldest;
  {
    MutexLock lock(&mutex_);
    unread_.push_back(std::move(call));
    if (unread_.size() <= kMaxUnread) return;
    oldest = std::move(unread_.front());
    unread_.pop_front();
  }
  // Not under the lock: the call is removed as soon as it has ended.
  oldest->GiveUp();
}

void OpenCalls::Remove(const OpenCall* call) {
  MutexLock lock(&mutex_);
  std::erase_if(unread_, [call](const auto& unread) { return unread.get() == call; });
  if (--count_ == 0) changed_.NotifyAll();
}

void OpenCalls::WaitUntilNone(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(&mutex_);
  while (count_ > 0 && changed_.WaitUntil(&mutex_, deadline)) {
  }
}

}  // namespace chimera
