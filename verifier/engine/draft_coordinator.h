// Brings drafters up to date and turns their replies into trees.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFT_COORDINATOR_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFT_COORDINATOR_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/model/llama_config.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/draft_options.h"
#include "verifier/engine/draft_piece.h"
#include "verifier/engine/drafter_assignment.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/source_tracker.h"
#include "verifier/engine/step_groups.h"
#include "verifier/engine/tap_union.h"

namespace chimera {

// Assigns sequences to drafters, sends each drafter what it does not know yet, and validates what
// comes back. Whatever goes wrong with a drafter costs a sequence its tree for a step. The engine's
// thread only.
class DraftCoordinator {
 public:
  // `sources` and `clock` must outlive the coordinator.
  DraftCoordinator(const std::vector<DraftSource*>& sources, const LlamaConfig& config,
                   const DraftOptions& options, const Clock* clock);
  DraftCoordinator(const DraftCoordinator&) = delete;
  DraftCoordinator& operator=(const DraftCoordinator&) = delete;

  // Notices sessions that began or ended. Call once per step, before the step is built.
  void Refresh();

  // Layers to tap in the next step, for all drafters together (TapUnion).
  std::span<const int32_t> tapped_layers() const { return taps_.layers(); }

  // Changes when hidden states kept until then are of no use any more (TapUnion::version).
  int64_t tap_version() const { return taps_.version(); }

  // Whether the states of a sequence's positions are to be tapped and kept.
  bool WantsHiddenStates(const Sequence& sequence) const {
    return sequence.request.speculation.enabled && !taps_.layers().empty();
  }

  // Keeps the tapped states of a position that was just committed, [n_tapped, hidden_size].
  void RecordHidden(Sequence* sequence, int32_t position, std::span<const uint16_t> row);

  // What the next steps cost and gain, for drafters to reckon with; unknown until it is called.
  void SetPrices(const DraftPrices& prices) { prices_ = prices; }

  // Sends the news of a group's sequences (StepGroups) and asks for trees for those that decode.
  void SendNews(std::span<Sequence* const> sequences, int group);

  // Sends nothing: the group's next step goes without drafts.
  void SkipNews(int group) { asked_[group] = false; }

  // Whether drafts were asked for the group's next step.
  bool HasAsked(int group) const { return asked_[group]; }

  // Sets the tree of every decoding sequence of a group: the draft if a valid one came in time,
  // else the root alone, and says why.
  void CollectDrafts(std::span<Sequence* const> sequences, int group);

  // Frees a sequence at its drafter.
  void Close(Sequence* sequence) { assignment_.Detach(sequence); }

  // Likewise for a sequence that will be read again from its start.
  void Interrupt(Sequence* sequence);

 private:
  // Why a decoding sequence has no draft if none comes now.
  FallbackReason ReasonWithoutDraft(const Sequence& sequence) const;
  // Returns whether the draft was used. `sequence` is the one that it names, null if there is none.
  bool TakeDraft(int source, const Draft& draft, Sequence* sequence);

  const LlamaConfig config_;
  TapUnion taps_;
  std::vector<SourceTracker> drafters_;  // one per source; does not grow
  DrafterAssignment assignment_;
  const DraftPieceMaker pieces_;
  DraftPrices prices_;
  std::array<bool, StepGroups::kMaxGroups> asked_ = {};  // with the last news, by group
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFT_COORDINATOR_H_
