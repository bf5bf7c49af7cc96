#include "verifier/engine/draft_coordinator.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "verifier/engine/draft_validation.h"
#include "verifier/engine/news_sender.h"

namespace chimera {
namespace {

std::vector<SourceTracker> MakeTrackers(const std::vector<DraftSource*>& sources,
                                        const DraftOptions& options, const Clock* clock) {
  std::vector<SourceTracker> trackers;
  trackers.reserve(sources.size());
  for (DraftSource* source : sources) trackers.emplace_back(source, options, clock);
  return trackers;
}

Sequence* Find(std::span<Sequence* const> sequences, int64_t id) {
  const auto found = std::ranges::find(sequences, id, &Sequence::id);
  return found == sequences.end() ? nullptr : *found;
}

}  // namespace

DraftCoordinator::DraftCoordinator(const std::vector<DraftSource*>& sources,
                                   const LlamaConfig& config, const DraftOptions& options,
                                   const Clock* clock)
    : config_(config),
      taps_(static_cast<int>(sources.size()), config.hidden_size),
      drafters_(MakeTrackers(sources, options, clock)),
      assignment_(drafters_, clock),
      pieces_(config, options, &taps_) {}

void DraftCoordinator::Refresh() {
  for (size_t i = 0; i < drafters_.size(); ++i) {
    if (!drafters_[i].Refresh() || !drafters_[i].session().has_value()) continue;
    const DraftSession& session = *drafters_[i].session();
    taps_.Set(static_cast<int>(i), session.tapped_layers,
              std::min(session.context_window, config_.context_length));
  }
}

void DraftCoordinator::RecordHidden(Sequence* sequence, int32_t position,
                                    std::span<const uint16_t> row) {
  if (sequence->tap_version != taps_.version()) {
    sequence->tap_version = taps_.version();
    sequence->hidden.Reset(taps_.row_size(), taps_.history_window());
  }
  sequence->hidden.Append(position, row);
}

void DraftCoordinator::Interrupt(Sequence* sequence) {
  Close(sequence);
  sequence->hidden = HiddenHistory();
  sequence->tap_version = -1;
}

void DraftCoordinator::SendNews(std::span<Sequence* const> sequences, int group) {
  asked_[group] = true;
  for (Sequence* sequence : sequences) {
    if (sequence->request.speculation.enabled) assignment_.Assign(sequence);
  }
  for (size_t i = 0; i < drafters_.size(); ++i) {
    if (!drafters_[i].ready()) continue;
    NewsSender(&drafters_[i], static_cast<int>(i), &pieces_).Send(sequences, prices_, group);
  }
}

void DraftCoordinator::CollectDrafts(std::span<Sequence* const> sequences, int group) {
  for (Sequence* sequence : sequences) {
    if (sequence->prefilling()) continue;
    sequence->proposal = TokenTree::RootOnly(sequence->tokens.back());
    sequence->tree = sequence->proposal;
    sequence->path_probabilities.clear();
    sequence->sources.clear();
    sequence->fallback = ReasonWithoutDraft(*sequence);
  }
  for (size_t i = 0; i < drafters_.size(); ++i) {
    for (const Draft& draft : drafters_[i].TakeDrafts(group)) {
      const bool used = TakeDraft(static_cast<int>(i), draft, Find(sequences, draft.sequence_id));
      drafters_[i].CountDraft(used);
    }
  }
}

FallbackReason DraftCoordinator::ReasonWithoutDraft(const Sequence& sequence) const {
  if (!sequence.request.speculation.enabled || !asked_[sequence.group]) {
    return FallbackReason::kDisabled;
  }
  if (sequence.placement.source >= 0) {
    const bool in_session =
        drafters_[sequence.placement.source].InSession(sequence.placement.session_id);
    if (!in_session) return FallbackReason::kDown;
    return sequence.draft.node_budget == 0 ? FallbackReason::kNotAsked : FallbackReason::kTimeout;
  }
  // One that is ready was not chosen, because it is full.
  const bool one_is_ready = std::ranges::any_of(drafters_, &SourceTracker::ready);
  return one_is_ready ? FallbackReason::kOverload : FallbackReason::kDown;
}

bool DraftCoordinator::TakeDraft(int source, const Draft& draft, Sequence* sequence) {
  // A drafter has no say about the sequences of another one, nor about what it was not asked.
  if (sequence == nullptr || sequence->placement.source != source ||
      sequence->draft.epoch != draft.epoch || sequence->draft.node_budget == 0) {
    return false;
  }
  if (draft.outcome == DraftOutcome::kUnknownSequence ||
      draft.outcome == DraftOutcome::kOverloaded) {
    sequence->fallback = draft.outcome == DraftOutcome::kOverloaded ? FallbackReason::kOverload
                                                                    : FallbackReason::kStale;
    assignment_.DetachRefused(sequence);
    return false;
  }
  if (draft.outcome == DraftOutcome::kDrafted) assignment_.NoteAccepted(sequence);
  absl::StatusOr<TokenTree> tree = ValidateDraft(draft, *sequence, config_.vocab_size);
  sequence->draft.node_budget = 0;  // one draft was awaited, not two
  if (!tree.ok()) {
    sequence->fallback = absl::IsFailedPrecondition(tree.status()) ? FallbackReason::kStale
                                                                   : FallbackReason::kMismatch;
    return false;
  }
  sequence->fallback.reset();
  sequence->proposal = *std::move(tree);
  sequence->tree = sequence->proposal;
  sequence->path_probabilities = draft.path_probabilities;
  sequence->sources = draft.sources;
  return true;
}

}  // namespace chimera
