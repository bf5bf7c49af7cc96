#include "tools/chimera/bench/runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
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

BenchRunner::BenchRunner(const BenchConfig& config, const std::vector<BenchPrompt>& prompts,
                         std::vector<BenchServer> servers, Cancellation* cancellation)
    : config_(config),
      prompts_(prompts),
      servers_(std::move(servers)),
      cancellation_(cancellation),
      seeds_(prompts.size()) {
  for (const BenchMode& mode : config.modes) {
    results_.push_back({.mode = mode.name, .replies = std::vector<Reply>(prompts.size())});
    if (!servers_[mode.server].metrics_address.empty()) results_.back().step_times.emplace();
  }
}

absl::Status BenchRunner::RunBlock(const Block& block, const ReplyHandler& on_reply) {
  ModeResult& result = results_[block.mode];
  const std::string& metrics = servers_[config_.modes[block.mode].server].metrics_address;
  StepTimes before, after;
  if (result.step_times.has_value()) {
    CHIMERA_ASSIGN_OR_RETURN(before, ReadStepTimes(metrics));
  }
  CHIMERA_ASSIGN_OR_RETURN(const BlockFigures figures, Answer(block, on_reply));
  result.blocks.push_back(figures);
  if (result.step_times.has_value()) {
    CHIMERA_ASSIGN_OR_RETURN(after, ReadStepTimes(metrics));
    *result.step_times += after;
    *result.step_times -= before;
  }
  return absl::OkStatus();
}

absl::StatusOr<BlockFigures> BenchRunner::Answer(const Block& block, const ReplyHandler& on_reply) {
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
  CHIMERA_RETURN_IF_ERROR(failure.Get());
  BlockFigures figures = {.tokens = 0, .seconds = elapsed.count()};
  for (int prompt = block.first_prompt; prompt < block.end_prompt; ++prompt) {
    figures.tokens += results_[block.mode].replies[prompt].complete.usage().completion_tokens();
  }
  return figures;
}

absl::Status BenchRunner::RunPrompt(int prompt, int mode) {
  const BenchMode& asked = config_.modes[mode];
  v1::GenerateRequest request = NewRequest(config_.request, asked.speculation);
  AddMessage("user", prompts_[prompt].text, request);
  std::optional<uint64_t>& seed = seeds_[prompt];
  if (seed.has_value()) request.mutable_sampling()->set_seed(*seed);
  absl::StatusOr<Reply> reply =
      servers_[asked.server].client->Generate(request, /*on_chunk=*/nullptr);
  if (!reply.ok()) {
    absl::Status status(
        reply.status().code(),
        absl::StrCat("prompt ", prompt, ", mode ", asked.name, ": ", reply.status().message()));
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
