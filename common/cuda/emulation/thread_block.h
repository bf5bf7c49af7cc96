// The block whose threads run at present, as its threads see it.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_THREAD_BLOCK_H_
#define CHIMERA_COMMON_CUDA_EMULATION_THREAD_BLOCK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/cuda/emulation/async_copies.h"
#include "common/cuda/emulation/fiber.h"
#include "common/cuda/emulation/random_order.h"
#include "common/cuda/emulation/thread_schedule.h"
#include "common/cuda/emulation/warp_operation.h"
#include "common/cuda/launch_shape.h"

namespace chimera::emulation {

// Barriers that a block has; SyncThreads is number 0.
inline constexpr int kBlockBarriers = 16;

// Runs the threads of one block at a time as fibers, on the calling thread. A thread runs until it
// must wait for others; ThreadSchedule says who is next. What hardware leaves undefined ends the
// process with a message that names the threads: a barrier or an operation of a warp that some of
// its threads never reach, lanes of a warp at different operations, addresses outside shared
// memory.
class ThreadBlock {
 public:
  struct Options {
    int thread_count = 0;  // a multiple of kWarpSize
    LaunchShape shape;
    TensorCoreModel tensor_core = TensorCoreModel::kHopper;
  };

  // `fibers`, at least one per thread, and `order` must outlive the block.
  ThreadBlock(const Options& options, std::span<const std::unique_ptr<Fiber>> fibers,
              RandomOrder* order);
  ThreadBlock(const ThreadBlock&) = delete;
  ThreadBlock& operator=(const ThreadBlock&) = delete;

  // Runs `thread_body` once per thread, with shared memory full of kPoison at first.
  void Run(const GridIndex& block, const std::function<void()>& thread_body);

  // The block that the caller is a thread of. REQUIRES: it is one.
  static ThreadBlock& Current();

  // The members below are for threads of the block.
  int thread_index() const { return current_; }
  const GridIndex& block_index() const { return block_; }
  const GridIndex& grid_size() const { return options_.shape.blocks; }

  // Waits at one of the block's barriers until `thread_count` threads have come, whole warps.
  void WaitAtBarrier(int barrier, int thread_count);
  void WaitAtBarrier() { WaitAtBarrier(0, options_.thread_count); }

  // Gives the results of an operation once all lanes of the warp have come to it.
  LaneRegisters RunInWarp(WarpOperation operation, const LaneRegisters& operands);

  // The first `size` bytes of shared memory, aligned to 128 bytes. CHECKs that there are as many.
  std::byte* SharedMemory(size_t size);

  // Where in shared memory `address` is. CHECKs that `size` bytes from there belong to it.
  uint32_t SharedOffset(const void* address, size_t size) const;

  AsyncCopies& async_copies() { return threads_[current_].copies; }

  void WaitForPriorLaunch() { threads_[current_].has_waited_for_prior_launch = true; }

 private:
  struct Thread {
    AsyncCopies copies;
    bool has_waited_for_prior_launch = false;
  };

  // Where threads wait for each other.
  struct Meeting {
    std::vector<int> waiting;
    int expected = 0;  // threads, once one is waiting
  };

  struct Warp {
    Meeting meeting;
    WarpOperation operation = WarpOperation::kSync;  // of those who are waiting
    WarpRegisters operands = {};
    WarpRegisters results = {};
  };

  struct FreeAligned {
    void operator()(std::byte* memory) const;
  };

  void RunThread(const std::function<void()>& thread_body);
  // Waits until as many as expected have come; the last of them calls `complete` first.
  template <typename Complete>
  void Meet(Meeting* meeting, const Complete& complete);
  // What those who wait are waiting at.
  std::string DescribeWaiting() const;

  const Options options_;
  const std::span<const std::unique_ptr<Fiber>> fibers_;
  const std::unique_ptr<std::byte, FreeAligned> shared_memory_;
  GridIndex block_;
  int current_ = 0;  // the thread that runs
  ThreadSchedule schedule_;
  std::vector<Thread> threads_;
  std::array<Meeting, kBlockBarriers> barriers_;
  std::vector<Warp> warps_;
};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_THREAD_BLOCK_H_
