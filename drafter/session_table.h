// The sequences of one stream.

#ifndef CHIMERA_DRAFTER_SESSION_TABLE_H_
#define CHIMERA_DRAFTER_SESSION_TABLE_H_

#include <cstdint>
#include <string>

#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "drafter/draft_model.h"
#include "drafter/sequence_news.h"
#include "drafter/sequence_session.h"

namespace chimera {

// How many sequences all streams together may hold, and do. Drafter thread only.
class SequenceCapacity {
 public:
  explicit SequenceCapacity(int32_t max_sequences) : max_sequences_(max_sequences) {}

  bool full() const { return held_ >= max_sequences_; }
  int32_t held() const { return held_; }
  int32_t max_sequences() const { return max_sequences_; }

  void Acquire() { ++held_; }
  void Release() { --held_; }

 private:
  const int32_t max_sequences_;
  int32_t held_ = 0;
};

// Finds, starts and frees the sessions of one stream. Drafter thread only; model and capacity must
// outlive it.
class SessionTable {
 public:
  // What became of an update.
  struct Admission {
    v1::DraftOutcome outcome = v1::DRAFT_OUTCOME_UNSPECIFIED;
    // Set if the outcome is DRAFTED: the session, which has taken in the update. Valid until the
    // sequence is closed.
    SequenceSession* session = nullptr;
  };

  SessionTable(DraftModel* model, SequenceCapacity* capacity)
      : model_(model), capacity_(capacity) {}
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Takes in an update. Where nothing is known of its sequence, an update without sampling, which
  // only the first of an epoch carries, is one that the drafter cannot use. ProtocolViolation as
  // SequenceSession has it.
  absl::StatusOr<Admission> Admit(const SequenceNews& news, const std::string& path);

  // Frees a sequence; does nothing if it is not known.
  void Close(int64_t sequence_id);

 private:
  DraftModel* const model_;
  SequenceCapacity* const capacity_;
  absl::node_hash_map<int64_t, SequenceSession> sessions_;  // by sequence id
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_SESSION_TABLE_H_
