#include "verifier/engine/source_tracker.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera {

SourceTracker::SourceTracker(DraftSource* source, const DraftOptions& options, const Clock* clock)
    : source_(source), options_(options), clock_(clock) {}

bool SourceTracker::Refresh() {
  NoticeAnswers();
  if (IsStuck()) {
    source_->Restart(session_->id,
                     absl::StrCat("no answer for ", options_.answer_timeout.count(), " ms"));
  }
  std::optional<DraftSession> session = source_->Session();
  const int64_t id = session.has_value() ? session->id : 0;
  if (id == (session_.has_value() ? session_->id : 0)) return false;
  session_ = std::move(session);
  unanswered_.clear();
  asked_ = {};
  behind_since_.reset();
  sequence_count = 0;
  return true;
}

void SourceTracker::NoticeAnswers() {
  while (!unanswered_.empty() && source_->HasAnswered(unanswered_.front().step)) {
    unanswered_.pop_front();
    last_answer_ = clock_->Now();
  }
  if (unanswered_.empty()) behind_since_.reset();
}

bool SourceTracker::IsStuck() const {
  if (!session_.has_value() || unanswered_.empty()) return false;
  const TimePoint waits_since = std::max(unanswered_.front().time, last_answer_);
  return clock_->Now() - waits_since >= options_.answer_timeout;
}

bool SourceTracker::HasAnsweredAll(int group) {
  NoticeAnswers();
  return std::ranges::all_of(unanswered_, [this, group](const SentStep& sent) {
    for (int other = 0; other < StepGroups::kMaxGroups; ++other) {
      if (other != group && std::ranges::count(asked_[other].steps, sent.step) > 0) return true;
    }
    return false;
  });
}

std::chrono::steady_clock::duration SourceTracker::BehindFor() const {
  if (!behind_since_.has_value()) return {};
  return clock_->Now() - *behind_since_;
}

SendResult::Outcome SourceTracker::Send(std::span<const DraftUpdate> updates,
                                        const DraftPrices& prices, int group) {
  CHIMERA_CHECK(ready());
  const SendResult result = source_->Send(session_->id, updates, prices);
  if (result.outcome != SendResult::Outcome::kSent) return result.outcome;
  const TimePoint now = clock_->Now();
  unanswered_.push_back({result.step, now});
  const auto asks = [](const DraftUpdate& update) { return update.node_budget > 0; };
  if (std::ranges::any_of(updates, asks)) {
    asked_[group].steps.push_back(result.step);
    asked_[group].deadline = now + options_.deadline;
  }
  return result.outcome;
}

std::vector<Draft> SourceTracker::TakeDrafts(int group) {
  std::vector<Draft> drafts;
  AskedSteps& asked = asked_[group];
  for (const int64_t step : asked.steps) {
    // Also past a missed deadline, where it does not wait: so the source knows that nobody will ask
    // for this reply.
    std::optional<std::vector<Draft>> reply = source_->WaitReply(step, asked.deadline);
    if (reply.has_value()) {
      std::ranges::move(*reply, std::back_inserter(drafts));
    } else if (!behind_since_.has_value()) {
      behind_since_ = clock_->Now();
    }
  }
  asked.steps.clear();
  NoticeAnswers();
  return drafts;
}

void SourceTracker::Close(int64_t sequence_id) {
  if (session_.has_value()) source_->Close(session_->id, std::span(&sequence_id, 1));
}

}  // namespace chimera
