#include "common/base/thread_pool.h"

#include <chrono>

#include "common/base/check.h"

namespace chimera {
namespace {

constexpr std::chrono::microseconds kSpinTime{60};
constexpr int kPausesPerClockRead = 16;

void PauseProcessor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once `value` is no longer `old`.
void WaitForChange(const std::atomic<uint32_t>& value, uint32_t old) {
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      PauseProcessor();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int thread_count) {
  CHIMERA_CHECK(thread_count >= 1) << "a pool of " << thread_count << " threads";
  workers_.reserve(thread_count - 1);
  for (int thread = 1; thread < thread_count; ++thread) {
    workers_.emplace_back([this, thread] { WorkerMain(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(const Loop& loop, int64_t grain) {
  const uint32_t worker_count = static_cast<uint32_t>(workers_.size());
  if (worker_count == 0 || loop.count <= grain) {
    if (loop.count > 0) loop.body(loop.context, 0, loop.count, 0);
    return;
  }
  loop_ = loop;
  running_.store(worker_count, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  RunPart(loop, 0);
  for (uint32_t left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire)) {
    WaitForChange(running_, left);
  }
}

void ThreadPool::RunPart(const Loop& loop, int thread) const {
  const int64_t begin = loop.count * thread / thread_count();
  const int64_t end = loop.count * (thread + 1) / thread_count();
  if (begin < end) loop.body(loop.context, begin, end, thread);
}

void ThreadPool::WorkerMain(int thread) {
  for (uint32_t seen = 0;; ++seen) {
    WaitForChange(generation_, seen);
    if (stopping_) return;
    RunPart(loop_, thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

}  // namespace chimera
