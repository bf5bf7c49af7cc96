#include "common/cuda/emulation/thread_schedule.h"

#include <algorithm>
#include <numeric>

#include "common/cuda/launch_shape.h"

namespace chimera::emulation {

ThreadSchedule::ThreadSchedule(int warp_count, RandomOrder* order)
    : order_(order), ranks_(warp_count), ready_threads_(warp_count) {}

void ThreadSchedule::BeginBlock() {
  is_by_rank_ = order_->Below(2) == 0;
  std::vector<int> ranks(ranks_.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  for (int& rank : ranks_) rank = order_->Take(&ranks);
}

void ThreadSchedule::Add(int thread) {
  const int warp = thread / kWarpSize;
  if (ready_threads_[warp].empty()) ready_warps_.push_back(warp);
  ready_threads_[warp].push_back(thread);
}

int ThreadSchedule::Take() {
  const size_t chosen = ChooseWarp();
  std::vector<int>& threads = ready_threads_[ready_warps_[chosen]];
  const int thread = order_->Take(&threads);
  if (threads.empty()) {
    std::swap(ready_warps_[chosen], ready_warps_.back());
    ready_warps_.pop_back();
  }
  return thread;
}

size_t ThreadSchedule::ChooseWarp() {
  if (!is_by_rank_) return order_->Below(ready_warps_.size());
  const auto first =
      std::ranges::min_element(ready_warps_, {}, [this](int warp) { return ranks_[warp]; });
  return static_cast<size_t>(first - ready_warps_.begin());
}

}  // namespace chimera::emulation
