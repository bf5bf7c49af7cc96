#include "tools/gpu_bench/decode_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <utility>

#include "common/base/status_macros.h"
#include "common/tree/acceptance_walk.h"
#include "common/tree/token_tree.h"
#include "tools/gpu_bench/imposed_trees.h"

namespace chimera {
namespace {

constexpr int kMostRepetitions = 3;
constexpr int32_t kFirstToken = 1;

double SecondsSince(std::chrono::steady_clock::time_point start, const Clock& clock) {
  return std::chrono::duration<double>(clock.Now() - start).count();
}

// The continuation: a first token that nobody chose, and `count` that the target does.
absl::StatusOr<std::vector<int32_t>> DecodePlainly(int context, int count, BenchModel* model) {
  std::vector<int32_t> tokens = {kFirstToken};
  const int root[] = {0};
  for (int i = 0; i < count; ++i) {
    const TokenTree tree = TokenTree::RootOnly(tokens.back());
    CHIMERA_ASSIGN_OR_RETURN(const StepResult* const result, model->Verify(tree, context + i));
    tokens.push_back(result->chosen[0]);
    CHIMERA_RETURN_IF_ERROR(model->Commit(root, context + i));
  }
  return tokens;
}

// Whether the target chose the continuation.
absl::StatusOr<bool> DecodeTrees(std::span<const ImposedStep> steps, int context,
                                 std::span<const int32_t> continuation, BenchModel* model) {
  for (const ImposedStep& step : steps) {
    const int position = context + step.first;
    CHIMERA_ASSIGN_OR_RETURN(const StepResult* const result, model->Verify(step.tree, position));
    const AcceptedPath path = WalkAcceptedPath(step.tree, result->chosen);
    const auto expected = continuation.subspan(step.first + 1, step.depth + 1);
    if (!std::ranges::equal(path.tokens, expected)) return false;
    CHIMERA_RETURN_IF_ERROR(model->Commit(path.nodes, position));
  }
  return true;
}

// Trees of one acceptance.
struct Run {
  TreeDecoding result;
  std::vector<ImposedStep> steps;
  std::vector<double> seconds = {};
};

}  // namespace

absl::StatusOr<DecodeTimes> MeasureDecoding(const GpuBenchConfig& bench, const Clock& clock,
                                            BenchModel* model) {
  CHIMERA_RETURN_IF_ERROR(model->FillContext(bench.context));
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<int32_t> continuation,
                           DecodePlainly(bench.context, bench.tokens, model));
  std::vector<Run> runs;
  for (const double acceptance : bench.acceptance) {
    Run run = {{.acceptance = acceptance},
               ImposeAcceptance(continuation, {.acceptance = acceptance,
                                               .vocab_size = model->config().vocab_size})};
    run.result.steps = static_cast<int>(run.steps.size());
    runs.push_back(std::move(run));
  }

  std::vector<double> plain_seconds;
  for (int i = 0; i < std::min(bench.repetitions, kMostRepetitions); ++i) {
    auto start = clock.Now();
    CHIMERA_RETURN_IF_ERROR(DecodePlainly(bench.context, bench.tokens, model).status());
    plain_seconds.push_back(SecondsSince(start, clock));
    for (Run& run : runs) {
      start = clock.Now();
      CHIMERA_ASSIGN_OR_RETURN(const bool is_identical,
                               DecodeTrees(run.steps, bench.context, continuation, model));
      run.seconds.push_back(SecondsSince(start, clock));
      run.result.is_identical &= is_identical;
    }
  }

  DecodeTimes times = {bench.context, bench.tokens, SpreadOf(std::move(plain_seconds)), {}};
  for (Run& run : runs) {
    run.result.seconds = SpreadOf(std::move(run.seconds));
    times.trees.push_back(run.result);
  }
  return times;
}

}  // namespace chimera
