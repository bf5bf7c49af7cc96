#include "common/base/thread_pool.h"

#include <sched.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera {
namespace {

// Between loops of a step.
constexpr std::chrono::microseconds kSpinTime{20};
// Between steps, and while a drafter thinks: waking a parked thread takes 50 to 100 microseconds in a
// virtual machine, as do the levels of a small drafter.
constexpr std::chrono::microseconds kYieldTime{1000};
constexpr int kPausesPerClockRead = 16;

void PauseProcessor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once `value` is no longer `old`.
void WaitForChange(const std::atomic<uint32_t>& value, uint32_t old) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      PauseProcessor();
    }
  } while (std::chrono::steady_clock::now() - start < kSpinTime);
  do {
    if (value.load(std::memory_order_acquire) != old) return;
    sched_yield();
  } while (std::chrono::steady_clock::now() - start < kYieldTime);
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

absl::StatusOr<std::shared_ptr<ThreadPool>> ThreadPool::Create(int thread_count) {
  if (thread_count < 1 || thread_count > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("thread_count ", thread_count, ", must be in [1, ", kMaxThreads, "]"));
  }
  return std::make_shared<ThreadPool>(thread_count);
}

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
  if (worker_count == 0 || loop.count <= grain || busy_.exchange(true, std::memory_order_acquire)) {
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
  busy_.store(false, std::memory_order_release);
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
