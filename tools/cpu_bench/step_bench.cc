#include "tools/cpu_bench/step_bench.h"

#include <algorithm>
#include <span>

#include "common/tree/token_tree.h"
#include "tools/cpu_bench/bench_steps.h"

namespace chimera {
namespace {

constexpr int kMaxPrefillRepetitions = 3;

// Writes the K/V of positions 0 .. context - 1.
void FillContext(Backend* backend, std::span<const int32_t> pages, int32_t context) {
  const std::vector<int32_t> tokens = BenchTokens(context, backend->config().vocab_size);
  for (int32_t begin = 0; begin < context; begin += kMaxBenchStepRows) {
    const int32_t count = std::min(kMaxBenchStepRows, context - begin);
    RunStep(backend, {.pages = pages,
                      .context_length = begin,
                      .chunk = std::span(tokens).subspan(begin, count),
                      .sample = false});
  }
}

}  // namespace

std::vector<StepTime> MeasureSteps(Backend* backend, int32_t context, const Timing& timing) {
  const std::vector<int32_t> pages = BenchPages(backend->limits().page_count);
  FillContext(backend, pages, context);
  std::vector<StepTime> times;
  for (const int rows : kBenchRowCounts) {
    const TokenTree tree = BenchTree(rows, backend->config().vocab_size);
    const SequenceStep step = {.pages = pages, .context_length = context, .tree = &tree};
    times.push_back({rows, BestTime(timing, [&] { RunStep(backend, step); })});
  }
  return times;
}

PrefillTime MeasurePrefill(Backend* backend, const Timing& timing) {
  const std::vector<int32_t> pages = BenchPages(backend->limits().page_count);
  const int32_t count = std::min(kMaxBenchStepRows, backend->config().context_length);
  const std::vector<int32_t> tokens = BenchTokens(count, backend->config().vocab_size);
  const SequenceStep step = {.pages = pages, .chunk = tokens};
  const Timing short_timing = {timing.clock, std::min(timing.repetitions, kMaxPrefillRepetitions)};
  return {.tokens = count,
          .seconds = BestTime(short_timing, [&] { RunStep(backend, step); }),
          .repetitions = short_timing.repetitions};
}

}  // namespace chimera
