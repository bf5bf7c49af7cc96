// The way from the threads that serve clients to the engine's thread.

#ifndef CHIMERA_VERIFIER_ENGINE_REQUEST_QUEUE_H_
#define CHIMERA_VERIFIER_ENGINE_REQUEST_QUEUE_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "verifier/engine/generation_request.h"

namespace chimera {

// Bounded queue of requests, and the ids of those that were cancelled. Any thread may call any
// method.
class RequestQueue {
 public:
  // Bounds of what waits: requests, and prompt tokens of all of them together. A request may exceed
  // the second if none other waits.
  RequestQueue(int32_t max_requests, int64_t max_tokens)
      : max_requests_(max_requests), max_tokens_(max_tokens) {}

  // Errors: the reason once closed, ALREADY_EXISTS while a request of the same id is alive,
  // RESOURCE_EXHAUSTED where a bound would be exceeded.
  absl::Status Push(QueuedRequest request);

  // Marks a request that is alive as cancelled. NOT_FOUND if there is none of that id, or if its
  // reply goes elsewhere than to `sink`, null standing for any.
  absl::Status Cancel(const std::string& id, const GenerationSink* sink = nullptr);

  // The oldest waiting request; nothing if none waits.
  std::unique_ptr<QueuedRequest> Pop();

  // The ids cancelled since the last call.
  std::unordered_set<std::string> TakeCancelled();

  // Removes the waiting requests with these ids and returns them.
  std::vector<QueuedRequest> Remove(const std::unordered_set<std::string>& ids);

  // Forgets a request: its id may be used again.
  void Release(const std::string& id);

  // Refuses requests from now on. `reason` is not OK; the first one counts.
  void Close(const absl::Status& reason);

  // Wakes WaitForWork for good.
  void Stop();

  // Returns when a request waits, one was cancelled, or Stop was called.
  void WaitForWork();

  // Returns true once no request is alive, false if some still are at `deadline`.
  bool WaitUntilEmpty(std::chrono::steady_clock::time_point deadline);

  bool stopped() const;
  int32_t waiting_count() const;
  std::vector<std::string> alive_ids() const;

 private:
  const int32_t max_requests_;
  const int64_t max_tokens_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<QueuedRequest> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_tokens_ ABSL_GUARDED_BY(mutex_) = 0;  // of their prompts
  // Where the reply goes, by id.
  std::unordered_map<std::string, const GenerationSink*> alive_ ABSL_GUARDED_BY(mutex_);
  std::unordered_set<std::string> cancelled_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);  // why, OK while open
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_REQUEST_QUEUE_H_
