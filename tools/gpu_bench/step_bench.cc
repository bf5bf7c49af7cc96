#include "tools/gpu_bench/step_bench.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/tree/token_tree.h"
#include "tools/cpu_bench/bench_steps.h"
#include "tools/gpu_bench/host_timing.h"

namespace chimera {
namespace {

constexpr int kStepRows[] = {1, 8, 16, 32, 64};
constexpr int kMostPrefills = 5;

}  // namespace

absl::StatusOr<StepTimes> MeasureSteps(const GpuBenchConfig& bench, const Clock& clock,
                                       BenchModel* model) {
  StepTimes times = {.context = bench.context};
  CHIMERA_RETURN_IF_ERROR(model->FillContext(bench.context));
  for (const int rows : kStepRows) {
    const TokenTree tree = BenchTree(rows, model->config().vocab_size);
    const auto verify = [&] { return model->Verify(tree, bench.context).status(); };
    CHIMERA_ASSIGN_OR_RETURN(const TimeSpread seconds,
                             TimeOnHost(clock, bench.repetitions, verify));
    times.steps.push_back({rows, seconds});
  }
  const auto prefill = [&] { return model->Prefill(bench.prefill).status(); };
  CHIMERA_ASSIGN_OR_RETURN(times.prefill.seconds,
                           TimeOnHost(clock, std::min(bench.repetitions, kMostPrefills), prefill));
  times.prefill.rows = bench.prefill;
  return times;
}

}  // namespace chimera
