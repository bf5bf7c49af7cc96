#include "verifier/engine/news_sender.h"

#include <optional>
#include <utility>

#include "common/tree/token_tree.h"

namespace chimera {
namespace {

// Most that one step sends. More would only wait at the link, in front of the next step's news.
constexpr size_t kMaxBytesPerEngineStep = 4 * kMaxStepBytes;

// Whether the drafter lacks no more than what a step of decoding adds.
bool KeepsUp(const Sequence& sequence) {
  const int32_t known_end = sequence.context_length + 1;
  const int32_t lacking = known_end - sequence.draft.sent_end;
  return sequence.draft.up_to_date && lacking <= TokenTree::kMaxDepth + 1;
}

}  // namespace

NewsSender::NewsSender(SourceTracker* drafter, int source, const DraftPieceMaker* pieces)
    : drafter_(drafter), source_(source), pieces_(*pieces) {}

void NewsSender::Send(std::span<Sequence* const> sequences, const DraftPrices& prices,
                      int step_group) {
  prices_ = prices;
  step_group_ = step_group;
  const bool may_catch_up = drafter_->HasAnsweredAll(step_group);
  // In messages of their own, so that no tree waits for the drafter to take in a replay.
  if (!AddGroup(Group::kKeepingUp, sequences) || !Flush()) return;
  if (!may_catch_up) return;
  // Behind a whole message the wish for a tree would miss its deadline: it can wait for a step.
  ask_until_ = sent_bytes_;
  if (AddGroup(Group::kCatchingUp, sequences)) Flush();
}

bool NewsSender::AddGroup(Group group, std::span<Sequence* const> sequences) {
  for (Sequence* sequence : sequences) {
    if (sequence->placement.source != source_) continue;
    if (KeepsUp(*sequence) == (group == Group::kKeepingUp) && !Add(sequence)) return false;
  }
  return true;
}

bool NewsSender::Add(Sequence* sequence) {
  while (true) {
    if (kMaxStepBytes - message_bytes_ < pieces_.MinRoom(source_) && !Flush()) return false;
    std::optional<DraftPiece> piece =
        pieces_.Next(*sequence, *drafter_->session(), kMaxStepBytes - message_bytes_);
    if (!piece.has_value()) return true;
    if (sent_bytes_ > ask_until_) piece->DropWish();
    const bool is_last = piece->progress.up_to_date;
    message_bytes_ += piece->bytes;
    message_.push_back({sequence, *std::move(piece)});
    if (is_last) return true;
    // A message has one entry per sequence.
    if (!Flush()) return false;
  }
}

bool NewsSender::Flush() {
  if (message_.empty()) return true;
  std::vector<DraftUpdate> updates;
  updates.reserve(message_.size());
  for (const Entry& entry : message_) updates.push_back(entry.piece.update);
  const bool sent = drafter_->Send(updates, prices_, step_group_) == SendResult::Outcome::kSent;
  if (sent) {
    for (Entry& entry : message_) entry.sequence->draft = entry.piece.progress;
  }
  sent_bytes_ += message_bytes_;
  message_.clear();
  message_bytes_ = 0;
  return sent && sent_bytes_ + kMaxStepBytes <= kMaxBytesPerEngineStep;
}

}  // namespace chimera
