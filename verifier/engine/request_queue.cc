#include "verifier/engine/request_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {

absl::Status RequestQueue::Push(QueuedRequest request) {
  MutexLock lock(&mutex_);
  CHIMERA_RETURN_IF_ERROR(closed_);
  if (static_cast<int32_t>(waiting_.size()) >= max_requests_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the queue is full: ", max_requests_, " requests wait already"));
  }
  const auto tokens = static_cast<int64_t>(request.request.prompt.size());
  if (!waiting_.empty() && waiting_tokens_ + tokens > max_tokens_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the queue is full: the prompts that wait have ", waiting_tokens_,
                     " tokens, with this one of ", tokens, " they would exceed ", max_tokens_));
  }
  if (!alive_.emplace(request.request.id, request.sink.get()).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("request_id ", request.request.id, " is in use by a running request"));
  }
  waiting_tokens_ += tokens;
  waiting_.push_back(std::move(request));
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status RequestQueue::Cancel(const std::string& id, const GenerationSink* sink) {
  MutexLock lock(&mutex_);
  const auto found = alive_.find(id);
  if (found == alive_.end() || (sink != nullptr && found->second != sink)) {
    return absl::NotFoundError(absl::StrCat("no request has the id ", id));
  }
  cancelled_.insert(id);
  changed_.NotifyAll();
  return absl::OkStatus();
}

std::unique_ptr<QueuedRequest> RequestQueue::Pop() {
  MutexLock lock(&mutex_);
  if (waiting_.empty()) return nullptr;
  auto request = std::make_unique<QueuedRequest>(std::move(waiting_.front()));
  waiting_.pop_front();
  waiting_tokens_ -= static_cast<int64_t>(request->request.prompt.size());
  return request;
}

std::unordered_set<std::string> RequestQueue::TakeCancelled() {
  MutexLock lock(&mutex_);
  return std::exchange(cancelled_, {});
}

std::vector<QueuedRequest> RequestQueue::Remove(const std::unordered_set<std::string>& ids) {
  MutexLock lock(&mutex_);
  std::vector<QueuedRequest> removed;
  for (QueuedRequest& queued : waiting_) {
    if (!ids.contains(queued.request.id)) continue;
    waiting_tokens_ -= static_cast<int64_t>(queued.request.prompt.size());
    removed.push_back(std::move(queued));
  }
  std::erase_if(waiting_, [](const QueuedRequest& queued) { return queued.sink == nullptr; });
  return removed;
}

void RequestQueue::Release(const std::string& id) {
  MutexLock lock(&mutex_);
  alive_.erase(id);
  cancelled_.erase(id);
  changed_.NotifyAll();
}

void RequestQueue::Close(const absl::Status& reason) {
  MutexLock lock(&mutex_);
  closed_.Update(reason);
}

void RequestQueue::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

void RequestQueue::WaitForWork() {
  MutexLock lock(&mutex_);
  while (waiting_.empty() && cancelled_.empty() && !stopped_) changed_.Wait(&mutex_);
}

bool RequestQueue::WaitUntilEmpty(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(&mutex_);
  while (!alive_.empty()) {
    if (!changed_.WaitUntil(&mutex_, deadline)) return alive_.empty();
  }
  return true;
}

bool RequestQueue::stopped() const {
  MutexLock lock(&mutex_);
  return stopped_;
}

int32_t RequestQueue::waiting_count() const {
  MutexLock lock(&mutex_);
  return static_cast<int32_t>(waiting_.size());
}

std::vector<std::string> RequestQueue::alive_ids() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, sink] : alive_) ids.push_back(id);
  return ids;
}

}  // namespace chimera
