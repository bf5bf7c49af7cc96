// Which steps were sent to a drafter, which were answered, and the answers nobody took yet.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_REPLY_BOOK_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_REPLY_BOOK_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "verifier/drafter_client/draft_source.h"

namespace chimera {

// Steps are numbered on through all sessions, so that a number never means two steps; on the wire
// every session starts at 1. Not thread-safe.
//
// Invariants:
//  (1) session_base_ <= answered_ <= sent_, and asked_ holds one entry per step above answered_.
//  (2) replies_ ascends, and holds only steps in (taken_, answered_] that asked for drafts.
class ReplyBook {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Forgets all steps of the session before; they will not be answered.
  void StartSession();

  // Enters a step that asks for `draft_count` drafts and is sent now. Returns its number, counted
  // from 1.
  int64_t AddStep(size_t draft_count, TimePoint now);

  // The number of a step on the wire. REQUIRES: it belongs to this session.
  int64_t WireStep(int64_t step) const { return step - session_base_; }

  // Steps sent and not answered.
  size_t unanswered() const { return asked_.size(); }

  // When the oldest of them was sent. REQUIRES: there is one.
  TimePoint oldest_sent() const { return asked_.front().sent; }

  // INVALID_ARGUMENT unless a reply to `wire_step` with so many drafts answers the oldest
  // unanswered step.
  absl::Status CheckReply(int64_t wire_step, size_t draft_count) const;

  // Enters the reply to the oldest unanswered step, or drops it if it comes too late. REQUIRES:
  // CheckReply accepted it.
  void AddReply(std::vector<Draft> drafts);

  // Whether the reply to `step` may still come.
  bool Awaits(int64_t step) const { return step > answered_ && step <= sent_; }

  // The reply to `step`, if it has come. Drops replies to this and earlier steps that are there or
  // come later.
  std::optional<std::vector<Draft>> Take(int64_t step);

  // Drafts that were asked for and that nobody got, over all sessions: their replies came too late
  // or were not taken, or the session ended first.
  int64_t dropped_drafts() const { return dropped_drafts_; }

 private:
  struct AskedStep {
    size_t draft_count = 0;
    TimePoint sent;
  };
  struct Reply {
    int64_t step = 0;
    std::vector<Draft> drafts;
  };

  void DropOldest();

  int64_t session_base_ = 0;  // last step of the session before
  int64_t sent_ = 0;
  int64_t answered_ = 0;
  int64_t taken_ = 0;            // replies up to this step are not wanted any more
  std::deque<AskedStep> asked_;  // the unanswered steps
  std::deque<Reply> replies_;
  int64_t dropped_drafts_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_REPLY_BOOK_H_
