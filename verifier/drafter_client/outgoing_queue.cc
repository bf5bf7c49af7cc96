#include "verifier/drafter_client/outgoing_queue.h"

#include <utility>

#include "common/base/check.h"

namespace chimera {

void OutgoingQueue::Push(v1::DraftRequest request) {
  const size_t bytes = request.ByteSizeLong();
  messages_.push_back({std::move(request), bytes});
  bytes_ += bytes;
}

bool OutgoingQueue::PushClose(std::span<const int64_t> sequence_ids) {
  v1::DraftRequest request;
  if (!empty() && messages_.back().request.has_close()) {
    request = std::move(messages_.back().request);
    bytes_ -= messages_.back().bytes;
    messages_.pop_back();
  }
  v1::Close* const close = request.mutable_close();
  const bool fits =
      sequence_ids.size() <= static_cast<size_t>(kMaxIdsPerClose - close->sequence_ids_size());
  if (fits) close->mutable_sequence_ids()->Add(sequence_ids.begin(), sequence_ids.end());
  if (close->sequence_ids_size() > 0) Push(std::move(request));
  return fits;
}

v1::DraftRequest OutgoingQueue::Pop() {
  CHIMERA_CHECK(!empty());
  v1::DraftRequest request = std::move(messages_.front().request);
  bytes_ -= messages_.front().bytes;
  messages_.pop_front();
  return request;
}

void OutgoingQueue::Clear() {
  messages_.clear();
  bytes_ = 0;
}

}  // namespace chimera
