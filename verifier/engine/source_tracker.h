// What the engine knows of one drafter: its session, and how far it has answered.

#ifndef CHIMERA_VERIFIER_ENGINE_SOURCE_TRACKER_H_
#define CHIMERA_VERIFIER_ENGINE_SOURCE_TRACKER_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/draft_options.h"
#include "verifier/engine/step_groups.h"

namespace chimera {

// Wraps a DraftSource. The engine's thread only.
//
// A drafter that misses a deadline is behind: nothing is sent to it, and it is not waited for,
// until it has answered all that it was sent. So a stalled drafter costs one deadline, not one per
// step. If it does not answer at all, its session is ended.
class SourceTracker {
 public:
  // `source` and `clock` must outlive the tracker.
  SourceTracker(DraftSource* source, const DraftOptions& options, const Clock* clock);

  // Notices answers, and sessions that began or ended; ends one that is stuck. Returns true if the
  // session is another one than before, or none any more.
  bool Refresh();

  const std::optional<DraftSession>& session() const { return session_; }
  bool InSession(int64_t session_id) const {
    return session_.has_value() && session_->id == session_id;
  }

  // Whether the drafter may be sent anything.
  bool ready() const { return session_.has_value() && !behind_since_.has_value(); }

  // For how long it has been behind; zero if it is not.
  std::chrono::steady_clock::duration BehindFor() const;

  // Whether it has answered all that it was sent, but for drafts that other groups still await.
  bool HasAnsweredAll(int group);

  // Sends a step. If an update asks for a draft, TakeDrafts of that group waits for it. REQUIRES:
  // ready().
  SendResult::Outcome Send(std::span<const DraftUpdate> updates, const DraftPrices& prices,
                           int group);

  // The drafts that were asked for a group since the last call for it. Waits for them, until their
  // deadline. REQUIRES: groups take theirs in the order in which they asked.
  std::vector<Draft> TakeDrafts(int group);

  void Close(int64_t sequence_id);
  void CountDraft(bool used) { source_->CountDraft(used); }

  // Sequences that the drafter serves; kept by DrafterAssignment, zero in a new session.
  int32_t sequence_count = 0;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct SentStep {
    int64_t step = 0;
    TimePoint time;
  };

  // Steps whose drafts were not taken yet.
  struct AskedSteps {
    std::vector<int64_t> steps;
    TimePoint deadline;
  };

  void NoticeAnswers();
  bool IsStuck() const;

  DraftSource* const source_;
  const DraftOptions options_;
  const Clock* const clock_;
  std::optional<DraftSession> session_;
  std::deque<SentStep> unanswered_;                       // ascending
  TimePoint last_answer_;                                 // when one was last noticed
  std::array<AskedSteps, StepGroups::kMaxGroups> asked_;  // by group
  std::optional<TimePoint> behind_since_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_SOURCE_TRACKER_H_
