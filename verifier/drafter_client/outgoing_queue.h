// The messages that wait until a stream can take them.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_OUTGOING_QUEUE_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_OUTGOING_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "chimera/v1/drafter_service.pb.h"

namespace chimera {

// First in, first out, and knows its size. Not thread-safe.
class OutgoingQueue {
 public:
  // A Close names at most so many sequences.
  static constexpr int kMaxIdsPerClose = 1 << 16;

  void Push(v1::DraftRequest request);

  // Adds the Close of these sequences, merged with a Close that waits at the end. Returns false,
  // and adds nothing, if that would name too many.
  bool PushClose(std::span<const int64_t> sequence_ids);

  // The oldest message. REQUIRES: not empty.
  v1::DraftRequest Pop();

  void Clear();

  bool empty() const { return messages_.empty(); }
  // Serialised size of all messages.
  size_t bytes() const { return bytes_; }

 private:
  struct Message {
    v1::DraftRequest request;
    size_t bytes = 0;
  };

  std::deque<Message> messages_;
  size_t bytes_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_OUTGOING_QUEUE_H_
