#include "verifier/engine/step_groups.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace chimera {
namespace {

using Sizes = std::array<int, StepGroups::kMaxGroups>;

// Of the groups, without sequences that have none yet.
Sizes SizesOf(const std::vector<std::unique_ptr<Sequence>>& running) {
  Sizes sizes = {};
  for (const auto& sequence : running) {
    if (sequence->group >= 0) ++sizes[sequence->group];
  }
  return sizes;
}

}  // namespace

StepGroups::StepGroups(int group_count) : group_count_(group_count) {
  CHIMERA_CHECK(group_count >= 1 && group_count <= kMaxGroups) << group_count << " groups";
}

int StepGroups::Next(const std::vector<std::unique_ptr<Sequence>>& running) {
  CHIMERA_CHECK(!running.empty()) << "there is nothing to step";
  Sizes sizes = SizesOf(running);
  for (const auto& sequence : running) {
    if (sequence->group >= 0) continue;
    const auto smallest = std::min_element(sizes.begin(), sizes.begin() + group_count_);
    sequence->group = static_cast<int>(smallest - sizes.begin());
    ++*smallest;
  }
  do {
    turn_ = (turn_ + 1) % group_count_;
  } while (sizes[turn_] == 0);
  return turn_;
}

void StepGroups::Balance(const std::vector<std::unique_ptr<Sequence>>& running) const {
  if (group_count_ == 1) return;
  const int other = 1 - turn_;
  const Sizes sizes = SizesOf(running);
  int surplus = (sizes[turn_] - sizes[other]) / 2;
  // The youngest, which have the least history for a drafter to take in.
  for (auto sequence = running.rbegin(); surplus > 0; ++sequence) {
    if ((*sequence)->group != turn_) continue;
    (*sequence)->group = other;
    --surplus;
  }
}

}  // namespace chimera
