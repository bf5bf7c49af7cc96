// Decides which drafter serves which sequence.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFTER_ASSIGNMENT_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFTER_ASSIGNMENT_H_

#include <span>

#include "common/base/clock.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/source_tracker.h"

namespace chimera {

// Spreads sequences evenly over the drafters that keep up and have room. A sequence stays with its
// drafter until that refuses it, loses its session, or has been behind for a while and another one
// can take over. The engine's thread only.
class DrafterAssignment {
 public:
  // Both must outlive the assignment.
  DrafterAssignment(std::span<SourceTracker> sources, const Clock* clock);

  // Sets the placement of a sequence: as it was, another one, or none while no drafter can take it.
  void Assign(Sequence* sequence);

  // Takes a sequence from its drafter, which is told to forget it.
  void Detach(Sequence* sequence);

  // As Detach, because the drafter does not hold the sequence or has no room for it. It is not
  // asked again before a pause, which doubles with every refusal in a row: a replay can be dear.
  void DetachRefused(Sequence* sequence);

  // The drafter of a sequence proved that it holds it.
  void NoteAccepted(Sequence* sequence) const;

 private:
  // The best drafter for a sequence, or -1.
  int Choose(const Sequence& sequence) const;
  bool MayTake(int source, const Sequence& sequence) const;

  const std::span<SourceTracker> sources_;
  const Clock* const clock_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFTER_ASSIGNMENT_H_
