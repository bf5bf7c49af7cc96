#include "tools/chimera/bench/runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "tools/chimera/report.h"
#include "tools/chimera/request.h"

namespace chimera {
namespace {

// Keeps the first failure of several threads.
class FirstFailure {
 public:
  void Set(const absl::Status& status) {
    const MutexLock lock(&mutex_);
    if (status_.ok()) status_ = status;
  }
  absl::Status Get() const {
    const MutexLock lock(&mutex_);
    return status_;
  }

 private:
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

BenchRunner::BenchRunner(const BenchConfig& config, const std::vector<std::string>& prompts,
                         GenerationClient* client, Cancellation* cancellation)
    : config_(config),
      prompts_(prompts),
      client_(client),
      cancellation_(cancellation),
      seeds_(prompts.size()) {
  for (const v1::SpeculationMode mode : config.modes) {
    results_.push_back({mode, std::vector<Reply>(prompts.size()), 0});
  }
}

absl::Status BenchRunner::RunBlock(const Block& block, const ReplyHandler& on_reply) {
  std::atomic<int> next = block.first_prompt;
  FirstFailure failure;
  const auto work = [&] {
    for (int prompt; (prompt = next.fetch_add(1)) < block.end_prompt;) {
      const absl::Status status = RunPrompt(prompt, block.mode);
      if (!status.ok()) {
        failure.Set(status);
        cancellation_->Cancel();
        return;
      }
      on_reply();
    }
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  const int streams = std::min(config_.concurrency, block.end_prompt - block.first_prompt);
  threads.reserve(streams);
  for (int i = 0; i < streams; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  results_[block.mode].seconds += elapsed.count();
  return failure.Get();
}

absl::Status BenchRunner::RunPrompt(int prompt, int mode) {
  v1::GenerateRequest request = NewRequest(config_.request, config_.modes[mode]);
  AddMessage("user", prompts_[prompt], request);
  std::optional<uint64_t>& seed = seeds_[prompt];
  if (seed.has_value()) request.mutable_sampling()->set_seed(*seed);
  absl::StatusOr<Reply> reply = client_->Generate(request, /*on_chunk=*/nullptr);
  if (!reply.ok()) {
    absl::Status status(
        reply.status().code(),
        absl::StrCat("prompt ", prompt, ", mode ", SpeculationModeName(config_.modes[mode]), ": ",
                     reply.status().message()));
    // The detail that the server sent travels with the status.
    reply.status().ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
      status.SetPayload(type, payload);
    });
    return status;
  }
  seed = reply->complete.seed();
  results_[mode].replies[prompt] = *std::move(reply);
  return absl::OkStatus();
}

}  // namespace chimera
