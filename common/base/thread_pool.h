// A few persistent threads that compute parallel loops.

#ifndef CHIMERA_COMMON_BASE_THREAD_POOL_H_
#define CHIMERA_COMMON_BASE_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"

namespace chimera {

// Runs loops on `thread_count` threads, the caller's among them: a pool of n starts n - 1 workers.
// A worker that waits for the next loop spins at first, then lets other threads run between looks,
// and parks on a futex after a millisecond: loops that follow each other closely cost no system
// call, those of one step of generation no waking, and an idle pool uses no processor time. The
// caller waits for its workers in the same way.
//
// Any thread may start a loop, but not from inside one. While the workers compute for one thread,
// loops of others run on their callers alone: all who compute in a process can share one pool, and
// need not be more threads than there are processors. Starting a loop allocates nothing.
class ThreadPool {
 public:
  static constexpr int kMaxThreads = 256;

  // INVALID_ARGUMENT unless thread_count is in [1, kMaxThreads].
  static absl::StatusOr<std::shared_ptr<ThreadPool>> Create(int thread_count);

  // REQUIRES: thread_count >= 1.
  explicit ThreadPool(int thread_count);
  // REQUIRES: no loop is running.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int thread_count() const { return static_cast<int>(workers_.size()) + 1; }

  // Splits [0, count) into one contiguous range per thread, equal up to one element and the same in
  // every call, and calls body(begin, end, thread) for each that is not empty; thread is in
  // [0, thread_count()), 0 being the caller. Returns when all have returned; what they wrote is
  // then visible to the caller. The caller alone computes the whole range if the workers are busy
  // for another thread, and if it has at most `grain` elements, because they take less time than
  // starting and awaiting the workers: some two microseconds.
  template <typename Body>
  void ParallelFor(int64_t count, Body&& body, int64_t grain = 1) {
    using Callable = std::remove_reference_t<Body>;
    const Loop loop = {[](void* context, int64_t begin, int64_t end, int thread) {
                         (*static_cast<Callable*>(context))(begin, end, thread);
                       },
                       const_cast<void*>(static_cast<const void*>(&body)), count};
    Run(loop, grain);
  }

 private:
  struct Loop {
    void (*body)(void* context, int64_t begin, int64_t end, int thread) = nullptr;
    void* context = nullptr;
    int64_t count = 0;
  };

  void Run(const Loop& loop, int64_t grain);
  void RunPart(const Loop& loop, int thread) const;
  void WorkerMain(int thread);

  std::vector<std::thread> workers_;
  std::atomic<bool> busy_ = false;  // the workers compute for some thread
  // Written by the caller before it advances generation_, read by workers after they saw that.
  Loop loop_;
  bool stopping_ = false;
  std::atomic<uint32_t> generation_ = 0;  // loops started so far, the stop included
  std::atomic<uint32_t> running_ = 0;     // workers that have not finished the current loop
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_THREAD_POOL_H_
