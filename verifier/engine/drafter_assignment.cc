#include "verifier/engine/drafter_assignment.h"

#include <algorithm>
#include <chrono>

namespace chimera {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestPause(100);
constexpr int kMaxPauseDoublings = 6;  // 6.4 s

// A drafter that is behind for a shorter time is likely to catch up before another one could.
constexpr milliseconds kMoveAfter(250);

}  // namespace

DrafterAssignment::DrafterAssignment(std::span<SourceTracker> sources, const Clock* clock)
    : sources_(sources), clock_(clock) {}

void DrafterAssignment::Assign(Sequence* sequence) {
  DraftPlacement& placement = sequence->placement;
  int choice = -1;
  if (placement.source >= 0) {
    const SourceTracker& source = sources_[placement.source];
    if (source.InSession(placement.session_id)) {
      if (source.BehindFor() < kMoveAfter) return;
      choice = Choose(*sequence);
      if (choice < 0) return;
    }
    Detach(sequence);
  }
  if (choice < 0) choice = Choose(*sequence);
  if (choice < 0) return;
  placement.source = choice;
  placement.session_id = sources_[choice].session()->id;
  ++sources_[choice].sequence_count;
}

void DrafterAssignment::Detach(Sequence* sequence) {
  DraftPlacement& placement = sequence->placement;
  if (placement.source < 0) return;
  SourceTracker& source = sources_[placement.source];
  if (source.InSession(placement.session_id)) {
    --source.sequence_count;
    if (sequence->draft.opened) source.Close(sequence->id);
  }
  placement.source = -1;
  sequence->draft.opened = false;
  sequence->draft.up_to_date = false;
  sequence->draft.node_budget = 0;
}

void DrafterAssignment::DetachRefused(Sequence* sequence) {
  DraftPlacement& placement = sequence->placement;
  placement.pauses.resize(sources_.size());
  DraftPause& pause = placement.pauses[placement.source];
  if (pause.session_id != placement.session_id) pause = {.session_id = placement.session_id};
  const int doublings = std::min(pause.refusals++, kMaxPauseDoublings);
  pause.until = clock_->Now() + kShortestPause * (1 << doublings);
  Detach(sequence);
}

void DrafterAssignment::NoteAccepted(Sequence* sequence) const {
  DraftPlacement& placement = sequence->placement;
  if (!placement.pauses.empty()) placement.pauses[placement.source].refusals = 0;
}

int DrafterAssignment::Choose(const Sequence& sequence) const {
  int best = -1;
  for (int i = 0; i < static_cast<int>(sources_.size()); ++i) {
    if (!MayTake(i, sequence)) continue;
    if (best < 0 || sources_[i].sequence_count < sources_[best].sequence_count) best = i;
  }
  return best;
}

bool DrafterAssignment::MayTake(int index, const Sequence& sequence) const {
  const SourceTracker& source = sources_[index];
  if (!source.ready() || source.sequence_count >= source.session()->max_sequences) return false;
  if (sequence.placement.pauses.empty()) return true;
  const DraftPause& pause = sequence.placement.pauses[index];
  return pause.session_id != source.session()->id || clock_->Now() >= pause.until;
}

}  // namespace chimera
