#include "verifier/drafter_client/reply_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera {
namespace {

// An engine that waits for none of the steps it sends must not make us keep their replies.
constexpr size_t kMaxReplies = 64;

}  // namespace

void ReplyBook::StartSession() {
  while (!replies_.empty()) DropOldest();
  for (const AskedStep& step : asked_) dropped_drafts_ += static_cast<int64_t>(step.draft_count);
  asked_.clear();
  session_base_ = answered_ = taken_ = sent_;
}

int64_t ReplyBook::AddStep(size_t draft_count, TimePoint now) {
  asked_.push_back({draft_count, now});
  return ++sent_;
}

absl::Status ReplyBook::CheckReply(int64_t wire_step, size_t draft_count) const {
  const int64_t expected = WireStep(answered_ + 1);
  if (wire_step != expected || asked_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("reply to step ", wire_step, " while ",
                                                   asked_.empty() ? "none" : absl::StrCat(expected),
                                                   " was to be answered"));
  }
  if (draft_count != asked_.front().draft_count) {
    return absl::InvalidArgumentError(absl::StrCat("reply with ", draft_count,
                                                   " drafts to a step that asked for ",
                                                   asked_.front().draft_count));
  }
  return absl::OkStatus();
}

void ReplyBook::AddReply(std::vector<Draft> drafts) {
  CHIMERA_CHECK(!asked_.empty() && drafts.size() == asked_.front().draft_count) << "not checked";
  asked_.pop_front();
  ++answered_;
  if (drafts.empty()) return;
  replies_.push_back({.step = answered_, .drafts = std::move(drafts)});
  while (!replies_.empty() && (replies_.front().step <= taken_ || replies_.size() > kMaxReplies)) {
    DropOldest();
  }
}

std::optional<std::vector<Draft>> ReplyBook::Take(int64_t step) {
  taken_ = std::max(taken_, step);
  std::optional<std::vector<Draft>> drafts;
  while (!replies_.empty() && replies_.front().step <= step) {
    if (replies_.front().step < step) {
      DropOldest();
      continue;
    }
    drafts = std::move(replies_.front().drafts);
    replies_.pop_front();
  }
  return drafts;
}

void ReplyBook::DropOldest() {
  dropped_drafts_ += static_cast<int64_t>(replies_.front().drafts.size());
  replies_.pop_front();
}

}  // namespace chimera
