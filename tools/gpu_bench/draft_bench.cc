#include "tools/gpu_bench/draft_bench.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cuda/draft_network/cuda_draft_network.h"
#include "tools/cpu_bench/bench_steps.h"
#include "tools/gpu_bench/host_timing.h"
#include "tools/gpu_bench/loading.h"
#include "tools/gpu_bench/random_drafter.h"

namespace chimera {
namespace {

constexpr int kLevelRows[] = {1, 4, 8, 16, 32, 64};
constexpr int kTreeRows = 8;  // of a level, as the drafter has at most
constexpr int kTrees = 64 / kTreeRows;

class DraftBench {
 public:
  DraftBench(std::unique_ptr<const RandomDrafter> drafter, std::unique_ptr<DraftNetwork> network,
             std::vector<int32_t> tokens)
      : drafter_(std::move(drafter)), network_(std::move(network)), tokens_(std::move(tokens)) {}

  // Gives every tree a context.
  absl::Status EncodeContexts() {
    const DraftNetworkConfig& config = network_->config();
    const std::vector<uint16_t> states = RandomBf16(
        (tokens_.size() - 1) * config.tapped_layers.size() * config.hidden_size, /*limit=*/1.0f);
    for (int i = 0; i < kTrees; ++i) {
      contexts_.push_back(network_->NewContext(0));
      contexts_.back()->AddTokens(tokens_);
      contexts_.back()->AddStates(0, states);
      pointers_.push_back(contexts_.back().get());
    }
    return network_->EncodeContexts(pointers_);
  }

  absl::Status StartTrees(int count) {
    return network_->StartTrees(std::span(pointers_).first(count)).status();
  }

  absl::StatusOr<TimeSpread> TimeRoot(const Clock& clock, int repetitions) {
    return TimeOnHost(clock, repetitions, [&] { return StartTrees(1); });
  }

  absl::StatusOr<TimeSpread> TimeLevel(int rows, const Clock& clock, int repetitions) {
    std::vector<DraftNode> nodes;
    nodes.reserve(rows);
    for (int i = 0; i < rows; ++i) {
      nodes.push_back({.tree = i / kTreeRows, .token = tokens_[i % tokens_.size()]});
    }
    return TimeOnHost(
        clock, repetitions, [&] { return network_->ExtendTrees(nodes).status(); },
        [&] { return StartTrees((rows + kTreeRows - 1) / kTreeRows); });
  }

 private:
  std::unique_ptr<const RandomDrafter> drafter_;  // outlives the network
  std::unique_ptr<DraftNetwork> network_;
  std::vector<int32_t> tokens_;  // of a context
  std::vector<std::unique_ptr<DraftContext>> contexts_;
  std::vector<DraftContext*> pointers_;  // to them
};

// What is out of the window takes no part.
int UsefulContext(const DraftNetworkConfig& drafter, const GpuBenchConfig& bench) {
  return std::min(bench.context, drafter.context_window);
}

absl::StatusOr<DraftBench> MakeBench(const LlamaConfig& target, const GpuBenchConfig& bench) {
  CHIMERA_RETURN_IF_ERROR(
      CheckFreeMemory("weights", DraftWeightBytes(DefaultDrafter(target), target.vocab_size)));
  auto drafter = std::make_unique<const RandomDrafter>(target);
  const int context = UsefulContext(drafter->config(), bench);
  ThreadPool threads(LoadingThreads());
  CHIMERA_ASSIGN_OR_RETURN(
      std::unique_ptr<DraftNetwork> network,
      CudaDraftNetwork::Create(
          drafter->model(/*position_limit=*/context + 2),
          {.device = bench.device, .max_contexts = kTrees, .threads = &threads}));
  return DraftBench(std::move(drafter), std::move(network),
                    BenchTokens(context + 1, target.vocab_size));
}

}  // namespace

absl::StatusOr<DraftTimes> MeasureDrafting(const LlamaConfig& target, const GpuBenchConfig& bench,
                                           const Clock& clock) {
  const DraftNetworkConfig config = DefaultDrafter(target);
  DraftTimes times = {.context = UsefulContext(config, bench),
                      .level_weight_bytes = DraftLevelWeightBytes(config)};
  absl::StatusOr<DraftBench> drafts = MakeBench(target, bench);
  if (absl::IsResourceExhausted(drafts.status())) {
    times.skipped = std::string(drafts.status().message());
    return times;
  }
  CHIMERA_RETURN_IF_ERROR(drafts.status());
  CHIMERA_RETURN_IF_ERROR(drafts->EncodeContexts());
  CHIMERA_ASSIGN_OR_RETURN(times.root_seconds, drafts->TimeRoot(clock, bench.repetitions));
  for (const int rows : kLevelRows) {
    CHIMERA_ASSIGN_OR_RETURN(const TimeSpread seconds,
                             drafts->TimeLevel(rows, clock, bench.repetitions));
    times.levels.push_back({rows, seconds});
  }
  return times;
}

}  // namespace chimera
