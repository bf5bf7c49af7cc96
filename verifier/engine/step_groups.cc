#include "verifier/engine/step_groups.h"

#include <algorithm>

#include "common/base/check.h"

namespace chimera {

StepGroups::StepGroups(int group_count) : group_count_(group_count) {
  CHIMERA_CHECK(group_count >= 1 && group_count <= kMaxGroups) << group_count << " groups";
}

int StepGroups::Next(const std::vector<std::unique_ptr<Sequence>>& running) {
  CHIMERA_CHECK(!running.empty()) << "there is nothing to step";
  sizes_ = {};
  for (const auto& sequence : running) {
    if (sequence->group >= 0) ++sizes_[sequence->group];
  }
  for (const auto& sequence : running) {
    if (sequence->group >= 0) continue;
    const auto smallest = std::min_element(sizes_.begin(), sizes_.begin() + group_count_);
    sequence->group = static_cast<int>(smallest - sizes_.begin());
    ++*smallest;
  }
  do {
    turn_ = (turn_ + 1) % group_count_;
  } while (sizes_[turn_] == 0);
  return turn_;
}

void StepGroups::Balance(std::span<Sequence* const> stepped) {
  if (group_count_ == 1) return;
  const int other = 1 - turn_;
  int size = static_cast<int>(stepped.size());
  // The youngest, which have the least history for a drafter to take in.
  for (; size > sizes_[other] + 1; --size) {
    stepped[size - 1]->group = other;
    ++sizes_[other];
  }
}

}  // namespace chimera
