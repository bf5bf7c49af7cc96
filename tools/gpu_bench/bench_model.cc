#include "tools/gpu_bench/bench_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cuda/backend/cuda_backend.h"
#include "tools/cpu_bench/bench_steps.h"
#include "tools/gpu_bench/loading.h"
#include "tools/gpu_bench/model_shapes.h"
#include "tools/gpu_bench/random_weights.h"

namespace chimera {
namespace {

// Positions that the benchmark writes, at most.
int MostPositions(const GpuBenchConfig& bench) {
  const int decoded = bench.tokens + TokenTree::kMaxDepth + 1;
  return std::max(bench.prefill, bench.context + std::max(decoded, TokenTree::kMaxNodes));
}

absl::Status CheckContext(const LlamaConfig& config, const GpuBenchConfig& bench) {
  const int needed = MostPositions(bench);
  if (needed <= config.context_length) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--prefill=", bench.prefill, " --context=", bench.context, " --tokens=", bench.tokens,
      " need ", needed, " positions, the model has ", config.context_length));
}

int64_t MemoryBytes(const LlamaConfig& config, int64_t page_count) {
  const int64_t embedding = int64_t{2} * config.vocab_size * config.hidden_size;
  return StepWeightBytes(config) + embedding +
         page_count * kPagePositions * KvBytesPerPosition(config);
}

}  // namespace

absl::StatusOr<BenchModel> BenchModel::Create(const LlamaConfig& config,
                                              const GpuBenchConfig& bench) {
  CHIMERA_RETURN_IF_ERROR(CheckContext(config, bench));
  const int page_count = (MostPositions(bench) + kPagePositions - 1) / kPagePositions;
  CHIMERA_RETURN_IF_ERROR(
      CheckFreeMemory("weights, keys and values", MemoryBytes(config, page_count)));
  const int most_rows = std::max(bench.prefill, int{TokenTree::kMaxNodes});
  const CudaBackendOptions options = {
      .device = bench.device,
      .numerics = bench.numerics,
      .threads = std::make_shared<ThreadPool>(LoadingThreads()),
      .limits = {.page_count = page_count, .slot_count = 1, .max_step_rows = most_rows}};
  const RandomWeights weights(config);
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend,
                           CudaBackend::Create(config, weights.weights(), options));
  const int token_count = std::max(bench.prefill, bench.context);
  return BenchModel(std::move(backend), BenchPages(page_count),
                    BenchTokens(token_count, config.vocab_size));
}

BenchModel::BenchModel(std::unique_ptr<Backend> backend, std::vector<int32_t> pages,
                       std::vector<int32_t> tokens)
    : backend_(std::move(backend)), pages_(std::move(pages)), tokens_(std::move(tokens)) {}

absl::Status BenchModel::FillContext(int context) {
  const int most = backend_->limits().max_step_rows;
  for (int begin = 0; begin < context; begin += most) {
    const int count = std::min(most, context - begin);
    CHIMERA_RETURN_IF_ERROR(Run({.pages = pages_,
                                 .context_length = begin,
                                 .chunk = std::span(tokens_).subspan(begin, count),
                                 .sample = false})
                                .status());
  }
  return absl::OkStatus();
}

absl::StatusOr<const StepResult*> BenchModel::Prefill(int count) {
  return Run({.pages = pages_, .chunk = std::span(tokens_).first(count)});
}

absl::StatusOr<const StepResult*> BenchModel::Verify(const TokenTree& tree, int context) {
  return Run({.pages = pages_, .context_length = context, .tree = &tree});
}

absl::Status BenchModel::Commit(std::span<const int> nodes, int context) {
  const CommitRequest request = {.pages = pages_, .context_length = context, .nodes = nodes};
  return backend_->Commit({&request, 1});
}

absl::StatusOr<const StepResult*> BenchModel::Run(const SequenceStep& step) {
  CHIMERA_RETURN_IF_ERROR(backend_->Submit({.sequences = std::span(&step, 1)}));
  return backend_->Wait();
}

}  // namespace chimera
