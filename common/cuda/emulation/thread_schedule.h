// Which thread of a block runs next.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_THREAD_SCHEDULE_H_
#define CHIMERA_COMMON_CUDA_EMULATION_THREAD_SCHEDULE_H_

#include <vector>

#include "common/cuda/emulation/random_order.h"

namespace chimera::emulation {

// The threads of a block that can go on, and one of two ways to choose among them, drawn anew for
// each block: any warp at random, or the first ready one of a random ranking. By the first, threads
// mix; by the second, a warp gets as far ahead of others as barriers let it, which finds the ones
// that are missing between warps (after Burckhardt et al., "A randomized scheduler with
// probabilistic guarantees of finding bugs", ASPLOS 2010). Lanes of a warp are taken at random.
// Not thread-safe.
class ThreadSchedule {
 public:
  // `order` must outlive the schedule.
  ThreadSchedule(int warp_count, RandomOrder* order);

  // Begins another block. REQUIRES: no thread can go on.
  void BeginBlock();

  // The thread can go on. REQUIRES: it was not added since it was last taken.
  void Add(int thread);

  bool empty() const { return ready_warps_.empty(); }

  // Takes out the thread that runs next. REQUIRES: not empty().
  int Take();

 private:
  size_t ChooseWarp();  // index in ready_warps_

  RandomOrder* const order_;
  bool is_by_rank_ = false;
  std::vector<int> ranks_;                       // [warp], all different
  std::vector<std::vector<int>> ready_threads_;  // [warp]
  std::vector<int> ready_warps_;                 // those that have ready threads
};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_THREAD_SCHEDULE_H_
