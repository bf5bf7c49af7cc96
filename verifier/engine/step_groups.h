// Sequences that are verified in turns, so that drafters draft for some while others are verified.

#ifndef CHIMERA_VERIFIER_ENGINE_STEP_GROUPS_H_
#define CHIMERA_VERIFIER_ENGINE_STEP_GROUPS_H_

#include <memory>
#include <vector>

#include "verifier/engine/sequence.h"

namespace chimera {

// Gives every sequence a group, and every group its turn. With one group each step waits for its
// own drafts. With two, a step of one group goes by between asking for drafts of the other and
// taking them: drafting costs no time where drafters have hardware of their own, but the target's
// weights are read once for each group. The engine's thread only.
class StepGroups {
 public:
  static constexpr int kMaxGroups = 2;

  // REQUIRES: 1 <= group_count <= kMaxGroups.
  explicit StepGroups(int group_count);

  // Puts sequences without a group into the smallest one, and returns the group that steps next:
  // the one after the last that has a sequence. REQUIRES: `running` is not empty.
  int Next(const std::vector<std::unique_ptr<Sequence>>& running);

  // Moves sequences of the group that has just stepped to a smaller one. REQUIRES: nothing was
  // asked for them since.
  void Balance(const std::vector<std::unique_ptr<Sequence>>& running) const;

 private:
  const int group_count_;
  int turn_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_STEP_GROUPS_H_
