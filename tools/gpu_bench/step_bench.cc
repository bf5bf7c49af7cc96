#include "tools/gpu_bench/step_bench.h"

#include <algorithm>
#include <chrono>

#include "absl/functional/function_ref.h"
#include "common/base/status_macros.h"
#include "common/tree/token_tree.h"
#include "tools/cpu_bench/bench_steps.h"

namespace chimera {
namespace {

constexpr int kStepRows[] = {1, 8, 16, 32, 64};
constexpr int kMostPrefills = 5;

// After one step that is not timed, in which graphs are recorded.
absl::StatusOr<TimeSpread> TimeSteps(const Clock& clock, int repetitions,
                                     absl::FunctionRef<absl::StatusOr<const StepResult*>()> step) {
  CHIMERA_RETURN_IF_ERROR(step().status());
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = clock.Now();
    CHIMERA_RETURN_IF_ERROR(step().status());
    seconds.push_back(std::chrono::duration<double>(clock.Now() - start).count());
  }
  return SpreadOf(std::move(seconds));
}

}  // namespace

absl::StatusOr<StepTimes> MeasureSteps(const GpuBenchConfig& bench, const Clock& clock,
                                       BenchModel* model) {
  StepTimes times = {.context = bench.context};
  CHIMERA_RETURN_IF_ERROR(model->FillContext(bench.context));
  for (const int rows : kStepRows) {
    const TokenTree tree = BenchTree(rows, model->config().vocab_size);
    CHIMERA_ASSIGN_OR_RETURN(const TimeSpread seconds, TimeSteps(clock, bench.repetitions, [&] {
                               return model->Verify(tree, bench.context);
                             }));
    times.steps.push_back({rows, seconds});
  }
  CHIMERA_ASSIGN_OR_RETURN(times.prefill.seconds,
                           TimeSteps(clock, std::min(bench.repetitions, kMostPrefills),
                                     [&] { return model->Prefill(bench.prefill); }));
  times.prefill.rows = bench.prefill;
  return times;
}

}  // namespace chimera
