// A queue between threads that cannot grow without limit.

#ifndef CHIMERA_COMMON_BASE_BOUNDED_QUEUE_H_
#define CHIMERA_COMMON_BASE_BOUNDED_QUEUE_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/check.h"
#include "common/base/mutex.h"

namespace chimera {

// First in, first out. Any number of threads may push and pop. Pushing never waits: who is turned
// away decides what to tell the caller.
template <typename T>
class BoundedQueue {
 public:
  // Holds up to `capacity` items. REQUIRES: capacity > 0.
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) { CHIMERA_CHECK(capacity > 0); }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // Appends `item`. Returns false, and leaves `item` as it is, if the queue is full or closed.
  [[nodiscard]] bool TryPush(T&& item) {
    {
      MutexLock lock(&mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    pushed_or_closed_.NotifyOne();
    return true;
  }

  // Removes the oldest item; nothing if there is none.
  std::optional<T> TryPop() {
    MutexLock lock(&mutex_);
    return PopFront();
  }

  // Removes the oldest item, and waits for one until `deadline`. Returns nothing at the deadline,
  // and at once when the queue is closed and empty.
  std::optional<T> Pop(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(&mutex_);
    while (items_.empty() && !closed_) {
      if (!pushed_or_closed_.WaitUntil(&mutex_, deadline)) break;
    }
    return PopFront();
  }

  // Turns away every later push and wakes every waiting Pop. Items in the queue can still be
  // popped. Closing twice is harmless.
  void Close() {
    {
      MutexLock lock(&mutex_);
      closed_ = true;
    }
    pushed_or_closed_.NotifyAll();
  }

  bool closed() const {
    MutexLock lock(&mutex_);
    return closed_;
  }

  // Items waiting now.
  size_t size() const {
    MutexLock lock(&mutex_);
    return items_.size();
  }

 private:
  std::optional<T> PopFront() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  const size_t capacity_;
  mutable Mutex mutex_;
  CondVar pushed_or_closed_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_BOUNDED_QUEUE_H_
